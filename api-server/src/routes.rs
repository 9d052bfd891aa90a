//! The routes, one file per group, and the document that describes them.
//!
//! A handler becomes a route by [`route!`]: it must have a `#[utoipa::path]` and take a
//! [`Caller`](crate::auth::Caller) as its first argument. The rule of that caller is recorded and put
//! into the document, so what is documented is what is asked.

use axum::Router;
use axum::handler::Handler;
use serde_json::json;
use utoipa::OpenApi;
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use crate::auth::{Caller, Rule, Way};

pub mod accounts;
mod app;
pub mod audit;
pub mod backups;
pub mod corrections;
mod document;
pub mod erasures;
pub mod events;
pub mod exports;
pub mod gateway;
mod metrics;
pub mod onboarding;
pub mod plans;
mod problems;
pub mod profiles;
pub mod recommendation;
pub mod roi;
pub mod support;
pub mod usage;
pub mod webhooks;
pub mod wire;

pub use app::App;
pub use metrics::Metrics;
pub(crate) use metrics::usage::{Flows, of as flow_of};

/// The title page of the document.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Tenantry",
        description = "Usage in, truth out: what a tenant used, owes, will owe, and how healthy it is. \
                       Errors are problem documents (RFC 9457)."
    ),
    components(schemas(crate::http::problem::ProblemBody, crate::http::problem::FieldError))
)]
struct Document;

/// The rule that a route was registered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleOf {
    /// Its name.
    pub name: &'static str,
    /// Its ways.
    pub ways: &'static [Way],
}

/// A route and its rule, for the authorization matrix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// Upper case.
    pub method: &'static str,
    /// With parameters in braces.
    pub path: String,
    /// Its rule.
    pub rule: RuleOf,
}

/// The arguments of a handler that begins with a [`Caller`].
pub trait Guarded {
    /// The caller's rule.
    type Rule: Rule;
}

macro_rules! guarded {
    ($($argument:ident)*) => {
        impl<M, R: Rule, $($argument),*> Guarded for (M, Caller<R>, $($argument),*) {
            type Rule = R;
        }
    };
}
guarded!();
guarded!(A);
guarded!(A B);
guarded!(A B C);
guarded!(A B C D);

/// The rule that a handler asks of its caller.
///
/// A handler that asks for none is no argument of this function, and so no route:
///
/// ```compile_fail
/// async fn open() -> &'static str {
///     "everyone's money"
/// }
/// api_server::routes::rule_of(open);
/// ```
///
/// Saying so is what makes one public:
///
/// ```
/// use api_server::auth::{Caller, rule::Public};
/// async fn open(_: Caller<Public>) -> &'static str {
///     "the price list"
/// }
/// assert_eq!(api_server::routes::rule_of(open).name, "public");
/// ```
pub fn rule_of<H: Handler<T, App>, T: Guarded>(_: H) -> RuleOf {
    RuleOf { name: T::Rule::NAME, ways: T::Rule::WAYS }
}

/// Routes as they are collected.
pub struct Routes {
    routes: OpenApiRouter<App>,
    registered: Vec<Registered>,
}

/// Adds a handler, given by its path, to the [`Routes`].
macro_rules! route {
    ($routes:expr, $handler:path) => {
        $routes.add(utoipa_axum::routes!($handler), $crate::routes::rule_of($handler))
    };
}
use route;

impl Routes {
    /// Every route of the server.
    #[must_use]
    pub fn all() -> Self {
        let mut document = Document::openapi();
        document.info.version = env!("CARGO_PKG_VERSION").to_owned();
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(scheme));
        let none = Self { routes: OpenApiRouter::with_openapi(document), registered: Vec::new() };
        [
            plans::routes,
            roi::routes,
            recommendation::routes,
            events::routes,
            corrections::routes,
            gateway::routes,
            backups::routes,
            onboarding::routes,
            accounts::routes,
            support::routes,
            usage::routes,
            profiles::routes,
            exports::routes,
            audit::routes,
            erasures::routes,
            webhooks::routes,
        ]
        .into_iter()
        .fold(none, |routes, group| group(routes))
    }

    /// Adds what `routes!` made of a handler. Use [`route!`].
    fn add(mut self, mut made: UtoipaMethodRouter<App>, rule: RuleOf) -> Self {
        for (path, item) in &mut made.1.paths {
            let operations = [
                ("GET", &mut item.get),
                ("POST", &mut item.post),
                ("PUT", &mut item.put),
                ("PATCH", &mut item.patch),
                ("DELETE", &mut item.delete),
            ];
            for (method, operation) in operations {
                let Some(operation) = operation else { continue };
                describe(operation, rule);
                self.registered.push(Registered { method, path: path.clone(), rule });
            }
        }
        Self { routes: self.routes.routes(made), registered: self.registered }
    }

    /// The routes with their rules.
    #[must_use]
    pub fn registered(&self) -> &[Registered] {
        &self.registered
    }

    /// The document, as it is committed.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn document(&self) -> anyhow::Result<String> {
        Ok(self.routes.get_openapi().to_pretty_json()? + "\n")
    }

    /// The router, the pages that show the document, and the web pages.
    pub fn into_router(self, app: App) -> Router {
        let (routes, document) = self.routes.split_for_parts();
        routes.with_state(app).merge(document::pages(document)).merge(crate::ui::pages())
    }
}

/// Says in an operation what its rule asks, and which errors every route can answer.
fn describe(operation: &mut Operation, rule: RuleOf) {
    let security = match rule.ways {
        [] => Vec::new(),
        _ => vec![SecurityRequirement::new::<_, [&str; 0], &str>("bearer", [])],
    };
    operation.security = Some(security);
    let ways: Vec<_> = rule.ways.iter().map(|way| describe_way(*way)).collect();
    // One extension alone: the library keeps them without an order.
    let access = json!({ "rule": rule.name, "ways": ways });
    let extensions = Extensions::builder().add("x-access", access).build();
    operation.extensions.get_or_insert_default().merge(extensions);
    problems::add(operation, !rule.ways.is_empty());
}

fn describe_way(way: Way) -> serde_json::Value {
    match way {
        Way::Person { audience, scope, role, everyone } => json!({
            "audience": audience.as_str(), "scope": scope, "role": role,
            "reaches": if everyone { "every account" } else { "the token's tenant" },
        }),
        Way::Workload { audience, account } => json!({
            "audience": audience.as_str(), "serviceAccount": account.unwrap_or("any that is bound"),
            "reaches": "the account of the binding",
        }),
        Way::Receipt => json!({ "receipt": true, "reaches": "the request that it was given for" }),
    }
}
