//! The problems that any route can answer, for the document.

use utoipa::openapi::path::Operation;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder};

use crate::http::problem::MEDIA_TYPE;

/// Adds the problems that come before or around a handler to an operation's answers.
pub(super) fn add(operation: &mut Operation, guarded: bool) {
    let mut problems = vec![
        ("400", "The request is not as it should be; `errors` says where."),
        ("429", "More requests than the budget allows; `Retry-After` says when to come back."),
        ("503", "Too much to do, or the store does not answer. Try again."),
    ];
    if guarded {
        problems.push(("401", "No token, or one that is not good for this route."));
        problems.push(("403", "The token lacks a scope or role."));
    }
    if operation.request_body.is_some() {
        problems.push(("408", "The body did not arrive in time."));
        problems.push(("413", "The body is larger than this route takes."));
        problems.push(("415", "A media type or encoding that this route does not take."));
    }
    for (status, description) in problems {
        operation
            .responses
            .responses
            .entry(status.to_owned())
            .or_insert_with(|| problem(description));
    }
}

fn problem(description: &str) -> RefOr<utoipa::openapi::Response> {
    let schema = Ref::from_schema_name("ProblemBody");
    let content = ContentBuilder::new().schema(Some(schema)).build();
    ResponseBuilder::new().description(description).content(MEDIA_TYPE, content).build().into()
}
