//! What can be done at a path. Anything else is answered by what can be (RFC 9110, 15.5.6).

use poem::http::Method;
use poem::{Endpoint, IntoEndpoint, Request, Response, Result, RouteMethod};

use crate::http::error::HttpError;

/// What can be done at a path.
#[derive(Default)]
pub(super) struct Methods {
    known: Vec<Method>,
    route: RouteMethod,
}

/// What can be read.
pub(super) fn get<E: IntoEndpoint<Endpoint: 'static>>(endpoint: E) -> Methods {
    Methods::default().with(Method::GET, endpoint)
}

/// What can be sent to.
pub(super) fn post<E: IntoEndpoint<Endpoint: 'static>>(endpoint: E) -> Methods {
    Methods::default().with(Method::POST, endpoint)
}

/// What can be removed.
pub(super) fn delete<E: IntoEndpoint<Endpoint: 'static>>(endpoint: E) -> Methods {
    Methods::default().with(Method::DELETE, endpoint)
}

impl Methods {
    pub(super) fn post<E: IntoEndpoint<Endpoint: 'static>>(self, endpoint: E) -> Self {
        self.with(Method::POST, endpoint)
    }

    pub(super) fn patch<E: IntoEndpoint<Endpoint: 'static>>(self, endpoint: E) -> Self {
        self.with(Method::PATCH, endpoint)
    }

    pub(super) fn delete<E: IntoEndpoint<Endpoint: 'static>>(self, endpoint: E) -> Self {
        self.with(Method::DELETE, endpoint)
    }

    fn with<E: IntoEndpoint<Endpoint: 'static>>(mut self, method: Method, endpoint: E) -> Self {
        self.known.push(method.clone());
        self.route = self.route.method(method, endpoint);
        self
    }

    fn has(&self, method: &Method) -> bool {
        self.known.contains(method)
            || (*method == Method::HEAD && self.known.contains(&Method::GET))
    }

    /// As the header `Allow` has it.
    fn allowed(&self) -> String {
        let head = self.has(&Method::HEAD).then_some(Method::HEAD);
        let all: Vec<_> = self.known.iter().cloned().chain(head).collect();
        all.iter().map(Method::as_str).collect::<Vec<_>>().join(", ")
    }
}

impl Endpoint for Methods {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        if self.has(request.method()) {
            self.route.call(request).await
        } else {
            Err(HttpError::MethodNotAllowed(self.allowed()).into())
        }
    }
}
