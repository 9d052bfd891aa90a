//! `PUT /backups/{id}`: what a tenant's gateway holds, kept where the tenant's namespace is not.

use axum::body::HttpBody;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::events::busy;
use super::{App, Routes, route};
use crate::auth::{Caller, rule::Gateway};
use crate::backup::vault::{Announced, NotKept};
use crate::http::Problem;
use crate::http::body::{is_limit, media_type, wrong_media_type};
use crate::http::problem::{Code, ProblemBody};
use crate::ledger::heads::hex;
use crate::store::backups::Backup;

pub(super) fn routes(routes: Routes) -> Routes {
    route!(routes, keep)
}

/// What a backup is.
pub const MEDIA_TYPE: &str = "application/x-tar";
/// The header with a backup's SHA-256 (RFC 9530).
pub static DIGEST: HeaderName = HeaderName::from_static("content-digest");

/// The header's value for a SHA-256.
#[must_use]
pub fn digest(sha256: &[u8; 32]) -> String {
    format!("sha-256=:{}:", STANDARD.encode(sha256))
}

/// A backup that is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BackupOut {
    /// Its id.
    pub id: String,
    /// Whose.
    #[schema(example = "acme")]
    pub account: String,
    /// When it was made, by the gateway's clock.
    #[schema(value_type = String, format = DateTime)]
    pub made_at: Timestamp,
    /// When it was here, whole.
    #[schema(value_type = String, format = DateTime)]
    pub received_at: Timestamp,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
    /// Events in it that were not known to be in the ledger.
    pub held_events: u64,
}

/// Keep a backup
///
/// A tenant's gateway sends a copy of its spool: events that are not known to be in the ledger, times
/// that it gave, events that the ledger refused. The same again is a success. The newest of each account
/// are kept, as many as the server is set to.
#[utoipa::path(
    put, path = "/backups/{id}", operation_id = "keep_backup", tag = "gateways",
    params(
        ("id" = Uuid, Path, description = "An id that the gateway has made for it."),
        ("Content-Digest" = String, Header, pattern = "^sha-256=:[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=:$",
            description = "The archive's SHA-256 (RFC 9530)."),
    ),
    request_body(content = String, content_type = "application/x-tar", description = "The archive, up to the server's limit."),
    responses(
        (status = 200, description = "It was kept before.", body = BackupOut),
        (status = 201, description = "It is kept.", body = BackupOut),
        (status = 404, description = "That is no id.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "Another backup has this id, the account keeps as much as each may, or the server keeps none.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "It is not what was announced, or no backup of this account.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn keep(
    caller: Caller<Gateway>,
    State(app): State<App>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let account = caller.own()?.clone();
    let id: Uuid = id.parse().map_err(|_| Problem::not_found())?;
    if media_type(request.headers()).as_deref() != Some(MEDIA_TYPE) {
        return Err(wrong_media_type(&[MEDIA_TYPE]));
    }
    let sha256 = announced(request.headers())?;
    let announced = Announced { account, id, sha256, bytes: request.body().size_hint().exact() };
    let vault = app.vault.as_ref().ok_or_else(none_kept)?;
    let lost = |error| {
        if is_limit(&error) { NotKept::TooLarge(vault.largest()) } else { NotKept::Incomplete }
    };
    let body = request.into_body().into_data_stream().map_err(lost).boxed();
    let (backup, new) = vault.take(&app.ledger, &announced, body).await.map_err(not_kept)?;
    let status = if new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, axum::Json(out(&backup))).into_response())
}

fn out(backup: &Backup) -> BackupOut {
    let count = |number: i64| u64::try_from(number).unwrap_or(0);
    BackupOut {
        id: backup.id.to_string(),
        account: backup.account.to_string(),
        made_at: backup.made,
        received_at: backup.received,
        bytes: count(backup.bytes),
        sha256: hex(&backup.sha256),
        held_events: count(backup.held),
    }
}

/// The SHA-256 of the one header.
fn announced(headers: &HeaderMap) -> Result<[u8; 32], Problem> {
    let mut all = headers.get_all(&DIGEST).iter();
    let (Some(value), None) = (all.next(), all.next()) else { return Err(not_announced()) };
    let coded =
        value.to_str().ok().and_then(|text| text.strip_prefix("sha-256=:")?.strip_suffix(':'));
    let sum = coded.and_then(|coded| STANDARD.decode(coded).ok());
    sum.and_then(|sum| sum.try_into().ok()).ok_or_else(not_announced)
}

fn not_announced() -> Problem {
    let detail = "must be sha-256=:…: with the archive's SHA-256 in base64, once (RFC 9530)";
    Problem::field("Content-Digest", "invalid_digest", detail)
}

fn none_kept() -> Problem {
    Problem::new(
        Code::NoBackups,
        "This server keeps no backups. Who runs it gives it a folder: --backups, or TENANTRY_BACKUPS.",
    )
}

fn not_kept(why: NotKept) -> Problem {
    match why {
        NotKept::Busy => Problem::of(StatusCode::SERVICE_UNAVAILABLE).with_retry_after(30),
        NotKept::TooLarge(largest) => Problem::new(
            Code::TooLarge,
            format!(
                "The backup is larger than {largest} bytes. Who runs the server can raise \
                 --backups-largest, or TENANTRY_BACKUPS_LARGEST."
            ),
        ),
        NotKept::NoRoom(why) => {
            // How much is free is for who runs the server: it tells how much others keep.
            tracing::warn!(error = %why, "a backup was not taken");
            Problem::new(
                Code::NoRoom,
                "There is no room for this backup now; those that are kept stay. The server's log says how much is \
                 free; who runs it makes the volume of --backups larger, or keeps fewer.",
            )
            .with_retry_after(30)
        }
        NotKept::OverShare(why) => {
            tracing::warn!(error = %why, "a backup was not taken");
            // Not for a later try: nothing of what is kept goes by itself.
            Problem::new(Code::OverShare, format!("{why}."))
        }
        NotKept::Late => Problem::of(StatusCode::REQUEST_TIMEOUT),
        NotKept::Incomplete => {
            Problem::new(Code::IncompleteBody, "The backup ended early. Send it again, whole.")
        }
        NotKept::Damaged => Problem::new(
            Code::DigestMismatch,
            "What arrived is not what Content-Digest announced. Send it again.",
        ),
        NotKept::NoBackup(detail) => Problem::new(Code::NotABackup, detail),
        NotKept::Foreign => Problem::new(
            Code::OtherAccount,
            "The archive is the spool of another account. Send it under the binding that it had.",
        ),
        NotKept::Other => Problem::new(
            Code::BackupExists,
            "Another backup of this account has this id. Send this one under a new id.",
        ),
        NotKept::Shelf(error) => {
            Problem::unavailable(format!("a backup cannot be kept: {error:#}"))
        }
        NotKept::Ledger(error) => busy(error),
    }
}
