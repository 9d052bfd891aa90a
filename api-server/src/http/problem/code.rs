//! The codes that a problem's `type` ends in: the one list of them, for programs and for the reference.

use axum::http::StatusCode;
use utoipa::openapi::schema::{AnyOfBuilder, SchemaFormat, Type};
use utoipa::openapi::{ObjectBuilder, Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::TYPES;

/// What a sender does about a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// The same request may go through later: send it again, after `Retry-After` where there is one.
    Again,
    /// The same request is refused each time: change it first.
    Mend,
    /// Somebody else changes something first: who runs the server, or who gives out tokens.
    Ask,
}

impl Remedy {
    /// For the reference.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Again => "send again",
            Self::Mend => "mend",
            Self::Ask => "ask",
        }
    }
}

/// What is always so of one code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// What `type` ends in; it never changes its meaning.
    pub code: &'static str,
    /// Its HTTP status.
    pub status: StatusCode,
    /// It in words.
    pub title: &'static str,
    /// What a sender does about it.
    pub remedy: Remedy,
    /// When it is said.
    pub meaning: &'static str,
}

/// What `type` of a problem can be, for the document. It is open: a program that is made from a closed list would
/// not read an answer with a code that came later.
pub struct ProblemType;

impl PartialSchema for ProblemType {
    fn schema() -> RefOr<Schema> {
        let other = uri().description(Some("A code of a later version."));
        AnyOfBuilder::new()
            .item(Ref::from_schema_name(KnownProblemType::name()))
            .item(other)
            .description(Some(
                "A stable code behind an address. A later version may have more: one that a program does not know \
                 is to be taken by its `status`.",
            ))
            .into()
    }
}

impl ToSchema for ProblemType {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((KnownProblemType::name().into_owned(), KnownProblemType::schema()));
    }
}

/// The codes of this version, for the document: programs that are made from it know every one.
pub struct KnownProblemType;

impl PartialSchema for KnownProblemType {
    fn schema() -> RefOr<Schema> {
        let all = Code::ALL.iter().map(|code| format!("{TYPES}{}", code.row().code));
        uri().enum_values(Some(all)).description(Some("The codes of this version.")).into()
    }
}

impl ToSchema for KnownProblemType {}

fn uri() -> ObjectBuilder {
    let format = SchemaFormat::Custom("uri".into());
    ObjectBuilder::new().schema_type(Type::String).format(Some(format))
}

macro_rules! codes {
    ($($name:ident = $code:literal $status:ident $title:literal $remedy:ident $meaning:literal;)+) => {
        /// A problem's stable code.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Code {
            $(#[doc = $meaning] $name,)+
        }

        impl Code {
            /// Every code, by its status.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// What is always so of it.
            #[must_use]
            pub const fn row(self) -> Row {
                match self {
                    $(Self::$name => Row {
                        code: $code,
                        status: StatusCode::$status,
                        title: $title,
                        remedy: Remedy::$remedy,
                        meaning: $meaning,
                    },)+
                }
            }
        }
    };
}

codes! {
    IncompleteBody = "incomplete-body" BAD_REQUEST "Incomplete body" Again
        "The body ended early, or is not what `Content-Encoding` says.";
    InvalidJson = "invalid-json" BAD_REQUEST "Invalid JSON" Mend
        "The body is not JSON that is taken: its form, its depth, a member twice.";
    InvalidRequest = "invalid-request" BAD_REQUEST "Invalid request" Mend
        "A field is missing, unknown or of the wrong type; `errors` names it. Other faults of a request that HTTP has a status for have this code, too.";
    Unauthenticated = "unauthenticated" UNAUTHORIZED "Not authenticated" Ask
        "No token that is good here and now; which check failed is not told.";
    InsufficientScope = "insufficient-scope" FORBIDDEN "Scope or role missing" Ask
        "The token is good, and lacks what `detail` names.";
    NotFound = "not-found" NOT_FOUND "Not found" Mend
        "There is no such thing, or it is not this caller's.";
    MethodNotAllowed = "method-not-allowed" METHOD_NOT_ALLOWED "Method not allowed" Mend
        "The path has other methods; `Allow` names them.";
    NotAcceptable = "not-acceptable" NOT_ACCEPTABLE "Not acceptable" Mend
        "The route answers in none of the types of `Accept`.";
    RequestTimeout = "request-timeout" REQUEST_TIMEOUT "Request timeout" Again
        "The request took too long to arrive.";
    AlreadyDecided = "already-decided" CONFLICT "Decided already" Mend
        "The request for onboarding was decided otherwise; a decision stays.";
    BackupExists = "backup-exists" CONFLICT "Backup exists" Mend
        "Another backup of this account has this id.";
    Conflict = "conflict" CONFLICT "Conflict" Mend
        "Something else is known under this id already.";
    NameTaken = "name-taken" CONFLICT "Name taken" Mend
        "The name that a request for onboarding asks for is in use.";
    NoBackups = "no-backups" CONFLICT "No backups" Ask
        "This server keeps no backups.";
    NoCluster = "no-cluster" CONFLICT "No cluster" Ask
        "This server is beside no cluster.";
    NoPlan = "no-plan" CONFLICT "No plan fits" Mend
        "A request for onboarding is approved that no plan fits.";
    NotStarted = "not-started" CONFLICT "Not started" Again
        "The account's first plan takes effect later; it can be changed from then on.";
    OverShare = "over-share" CONFLICT "Share used up" Ask
        "The account's backups take as much room as one tenant's may.";
    TooManyWebhooks = "too-many-webhooks" CONFLICT "Too many webhooks" Mend
        "There are as many as may be.";
    WebhookDisabled = "webhook-disabled" CONFLICT "Webhook disabled" Mend
        "Nothing is sent to a webhook that is disabled.";
    TooLarge = "too-large" PAYLOAD_TOO_LARGE "Too large" Mend
        "The body has too many bytes, values or events.";
    UriTooLong = "uri-too-long" URI_TOO_LONG "URI too long" Mend
        "Path and query are too long.";
    UnsupportedMediaType = "unsupported-media-type" UNSUPPORTED_MEDIA_TYPE "Unsupported media type" Mend
        "The body's media type or encoding is none that the route takes.";
    DigestMismatch = "digest-mismatch" UNPROCESSABLE_ENTITY "Digest mismatch" Again
        "What arrived is not what `Content-Digest` announced.";
    InvalidValues = "invalid-values" UNPROCESSABLE_ENTITY "Invalid values" Mend
        "The body can be read, and has values that cannot be; `errors` has all of them.";
    NoEventTaken = "no-event-taken" UNPROCESSABLE_ENTITY "No event taken" Mend
        "No event of the request was taken; `errors` has each with its code.";
    NotABackup = "not-a-backup" UNPROCESSABLE_ENTITY "Not a backup" Mend
        "What was sent is no archive of a gateway's storage.";
    NotCorrected = "not-corrected" UNPROCESSABLE_ENTITY "Not corrected" Mend
        "The correction cannot be; `errors` says why.";
    OtherAccount = "other-account" UNPROCESSABLE_ENTITY "Another account" Mend
        "The backup is of another account.";
    PlanNotChanged = "plan-not-changed" UNPROCESSABLE_ENTITY "Plan not changed" Mend
        "There is no such plan for this account.";
    AccountBusy = "account-busy" TOO_MANY_REQUESTS "Too much waits" Again
        "As much of this account waits to be stored as may.";
    RateLimited = "rate-limited" TOO_MANY_REQUESTS "Too many requests" Again
        "The caller's budget is used up; `detail` names it.";
    TooManyWaiting = "too-many-waiting" TOO_MANY_REQUESTS "Too many requests wait" Again
        "As many requests for onboarding wait for a decision as may.";
    Internal = "internal" INTERNAL_SERVER_ERROR "Internal error" Again
        "The server failed. With the same keys nothing is done twice.";
    ClusterUnread = "cluster-unread" SERVICE_UNAVAILABLE "Not read yet" Again
        "The cluster has not answered since the server was started.";
    NoRoom = "no-room" SERVICE_UNAVAILABLE "No room" Again
        "There is no room for this backup now.";
    NotReady = "not-ready" SERVICE_UNAVAILABLE "Not ready" Again
        "A gateway that has not reached the control plane yet.";
    Overloaded = "overloaded" SERVICE_UNAVAILABLE "Overloaded" Again
        "As much is under way as the server takes at once.";
    Sealed = "sealed" SERVICE_UNAVAILABLE "Sealed" Ask
        "A gateway whose tenant is being removed: its usage is closed.";
    SpoolFull = "spool-full" SERVICE_UNAVAILABLE "Spool full" Again
        "A gateway that holds as much as it may.";
    Timeout = "timeout" SERVICE_UNAVAILABLE "Timeout" Again
        "The answer took too long; it may have been done. With the same keys nothing is done twice.";
    Unavailable = "unavailable" SERVICE_UNAVAILABLE "Unavailable" Again
        "The server cannot do this now: its storage, or what it needs for it.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_words_of_their_own_in_the_order_of_their_status() {
        let rows: Vec<Row> = Code::ALL.iter().map(|code| code.row()).collect();
        for row in &rows {
            let word = |c: char| c.is_ascii_lowercase() || c == '-';
            assert!(row.code.chars().all(word), "{row:?}");
            assert!(row.status.is_client_error() || row.status.is_server_error(), "{row:?}");
            assert!(row.meaning.ends_with('.') && !row.title.is_empty(), "{row:?}");
        }
        let order: Vec<(u16, &str)> = rows.iter().map(|r| (r.status.as_u16(), r.code)).collect();
        assert!(order.windows(2).all(|two| two[0] < two[1]), "{order:?}");
        // Whoever goes by the status alone must not keep sending what is refused each time.
        let again = |row: &Row| row.remedy == Remedy::Again;
        assert!(rows.iter().filter(|row| row.status == 429).all(again));
    }
}
