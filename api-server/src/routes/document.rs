//! The OpenAPI document, and a page to read it with. Both work without any other host.

use axum::Router;
use axum::http::{HeaderName, HeaderValue, header};
use tower_http::set_header::SetResponseHeaderLayer;
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::{Config, SwaggerUi};

/// The page is where the web pages are, which hold tokens: it has no more rights than they have, but for one style
/// that a script of it brings for its mark, named by its hash, and pictures that stand in its own style sheet.
const POLICY: &str = "default-src 'none'; script-src 'self'; \
                      style-src 'self' 'sha256-RL3ie0nH+Lzz2YNqQN83mnU0J1ot4QL7b99vMdIX99w='; \
                      img-src 'self' data:; connect-src 'self'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";

/// What every answer here has.
const ALWAYS: [(HeaderName, &str); 3] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
];

/// `/openapi.json` and `/docs`, for anyone: what they say is in the source as well.
pub(super) fn pages(document: OpenApi) -> Router {
    let pages: Router = SwaggerUi::new("/docs")
        .url("/openapi.json", document)
        .config(Config::from("/openapi.json").try_it_out_enabled(false))
        .into();
    ALWAYS.into_iter().fold(pages, |pages, (name, value)| {
        let value = HeaderValue::from_static(value);
        pages.layer(SetResponseHeaderLayer::overriding(name, value))
    })
}
