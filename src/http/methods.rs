//! What can be done at a path, and what may be asked for in the query string. Another method is
//! answered by what can be done (RFC 9110, 15.5.6), another parameter is refused.

use poem::http::Method;
use poem::{Endpoint, IntoEndpoint, Request, Response, Result, RouteMethod};
use serde::de::DeserializeOwned;

use crate::http::error::HttpError;
use crate::http::names;

/// What can be done at a path.
#[derive(Default)]
pub(super) struct Methods {
    known: Vec<(Method, Parameters)>,
    route: RouteMethod,
}

/// Which parameters a query string may have.
enum Parameters {
    /// These. Where nothing is said there is none.
    Known(&'static [&'static str]),
    /// Any: who asks may be told apart by them, or they belong to a page.
    Any,
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
        self.known.push((method.clone(), Parameters::Known(&[])));
        self.route = self.route.method(method, endpoint);
        self
    }

    /// The last of them takes the parameters that `Q` is read from.
    pub(super) fn taking<Q: DeserializeOwned>(self) -> Self {
        self.with_parameters(Parameters::Known(names::of::<Q>()))
    }

    /// The last of them takes any parameters.
    pub(super) fn taking_any(self) -> Self {
        self.with_parameters(Parameters::Any)
    }

    fn with_parameters(mut self, parameters: Parameters) -> Self {
        if let Some(last) = self.known.last_mut() {
            last.1 = parameters;
        }
        self
    }

    /// What this method may be asked with, if it is known here.
    fn parameters(&self, method: &Method) -> Option<&Parameters> {
        let asked = if *method == Method::HEAD { &Method::GET } else { method };
        self.known.iter().find(|(known, _)| known == asked).map(|(_, parameters)| parameters)
    }

    /// As the header `Allow` has it.
    fn allowed(&self) -> String {
        let head = self.parameters(&Method::HEAD).map(|_| Method::HEAD);
        let known = self.known.iter().map(|(method, _)| method.clone());
        let all: Vec<_> = known.chain(head).collect();
        all.iter().map(Method::as_str).collect::<Vec<_>>().join(", ")
    }
}

impl Endpoint for Methods {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        match self.parameters(request.method()) {
            Some(Parameters::Known(known)) => {
                names::check_query(request.uri().query().unwrap_or_default(), known)?;
            }
            Some(Parameters::Any) => {}
            None => return Err(HttpError::MethodNotAllowed(self.allowed()).into()),
        }
        self.route.call(request).await
    }
}
