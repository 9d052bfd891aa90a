//! The OpenAPI document, and a page to read it with. Both work without any other host.

use axum::Router;
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::{Config, SwaggerUi};

/// `/openapi.json` and `/docs`, for anyone: what they say is in the source as well.
pub(super) fn pages(document: OpenApi) -> Router {
    SwaggerUi::new("/docs")
        .url("/openapi.json", document)
        .config(Config::from("/openapi.json").try_it_out_enabled(false))
        .into()
}
