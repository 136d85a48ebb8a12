//! The methods of a route, each with its endpoint and its query parameters.
//!
//! Any other method is answered with 405 and the header `Allow` (RFC 9110, 15.5.6), any other parameter with
//! 400.

use poem::http::Method;
use poem::{Endpoint, IntoEndpoint, Request, Response, Result, RouteMethod};
use serde::de::DeserializeOwned;

use crate::http::error::HttpError;
use crate::http::names;

/// The endpoint of a path: one endpoint for each method, with the parameters that it accepts.
#[derive(Default)]
pub(super) struct Methods {
    known: Vec<(Method, Parameters)>,
    route: RouteMethod,
}

/// The parameters that a query string may have.
enum Parameters {
    /// Only these. A method begins with an empty list.
    Known(&'static [&'static str]),
    /// Any parameters: probes and caches add some of their own, and those of pages are read by the router.
    Any,
}

/// Begins a route that answers `GET` and `HEAD`.
pub(super) fn get<E: IntoEndpoint<Endpoint: 'static>>(endpoint: E) -> Methods {
    Methods::default().with(Method::GET, endpoint)
}

/// Begins a route that answers `POST`.
pub(super) fn post<E: IntoEndpoint<Endpoint: 'static>>(endpoint: E) -> Methods {
    Methods::default().with(Method::POST, endpoint)
}

/// Begins a route that answers `DELETE`.
pub(super) fn delete<E: IntoEndpoint<Endpoint: 'static>>(endpoint: E) -> Methods {
    Methods::default().with(Method::DELETE, endpoint)
}

impl Methods {
    /// Adds an endpoint for `POST`.
    pub(super) fn post<E: IntoEndpoint<Endpoint: 'static>>(self, endpoint: E) -> Self {
        self.with(Method::POST, endpoint)
    }

    /// Adds an endpoint for `PATCH`.
    pub(super) fn patch<E: IntoEndpoint<Endpoint: 'static>>(self, endpoint: E) -> Self {
        self.with(Method::PATCH, endpoint)
    }

    /// Adds an endpoint for `DELETE`.
    pub(super) fn delete<E: IntoEndpoint<Endpoint: 'static>>(self, endpoint: E) -> Self {
        self.with(Method::DELETE, endpoint)
    }

    fn with<E: IntoEndpoint<Endpoint: 'static>>(mut self, method: Method, endpoint: E) -> Self {
        self.known.push((method.clone(), Parameters::Known(&[])));
        self.route = self.route.method(method, endpoint);
        self
    }

    /// Lets the method that was added last accept the parameters that are the members of `Q`.
    pub(super) fn taking<Q: DeserializeOwned>(self) -> Self {
        self.with_parameters(Parameters::Known(names::of::<Q>()))
    }

    /// Lets the method that was added last accept any parameters.
    pub(super) fn taking_any(self) -> Self {
        self.with_parameters(Parameters::Any)
    }

    fn with_parameters(mut self, parameters: Parameters) -> Self {
        if let Some(last) = self.known.last_mut() {
            last.1 = parameters;
        }
        self
    }

    /// The parameters of a method; `HEAD` has those of `GET`. `None` if the route does not have the method.
    fn parameters(&self, method: &Method) -> Option<&Parameters> {
        let asked = if *method == Method::HEAD { &Method::GET } else { method };
        self.known.iter().find(|(known, _)| known == asked).map(|(_, parameters)| parameters)
    }

    /// The value of the header `Allow`: the methods of the route, separated by commas.
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
