//! Tables that other systems take: JSON or CSV, by `format` or `Accept`, with an `ETag` of their bytes.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::csv::{self, Csv};
use super::{Problem, accept};

const JSON: &str = "application/json";

/// As what a table is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// JSON.
    Json,
    /// CSV.
    Csv,
}

impl Form {
    /// As the parameter `format` says, else as `Accept` does.
    ///
    /// # Errors
    /// 400 for another format, 406 when the client takes neither.
    pub fn chosen(format: Option<&str>, headers: &HeaderMap) -> Result<Self, Problem> {
        match format {
            Some("json") => Ok(Self::Json),
            Some("csv") => Ok(Self::Csv),
            Some(_) => Err(Problem::field("format", "invalid_value", "Give json or csv.")),
            None if accept::choose(headers, &[JSON, csv::MEDIA_TYPE])? == csv::MEDIA_TYPE => {
                Ok(Self::Csv)
            }
            None => Ok(Self::Json),
        }
    }
}

/// Answers with a table, or with 304 when the client has these very bytes. `file` is the name under
/// which CSV is saved; `next` the path of the page that follows.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn answer<T: Serialize>(
    headers: &HeaderMap,
    form: Form,
    (file, next): (&str, Option<&str>),
    document: &T,
    table: impl FnOnce(&T) -> Csv,
) -> Result<Response, Problem> {
    let (mut response, etag) = match form {
        Form::Json => {
            let body = serde_json::to_vec(document).map_err(Problem::internal)?;
            let etag = etag(&body);
            (([(header::CONTENT_TYPE, JSON)], body).into_response(), etag)
        }
        Form::Csv => {
            let table = table(document);
            let etag = etag(table.as_str().as_bytes());
            (table.answer(file), etag)
        }
    };
    if has(headers, &etag) {
        response = StatusCode::NOT_MODIFIED.into_response();
    }
    let all = response.headers_mut();
    let mut set = |name, text: &str| -> Result<(), Problem> {
        all.insert(name, HeaderValue::from_str(text).map_err(Problem::internal)?);
        Ok(())
    };
    set(header::ETAG, &etag)?;
    set(header::CACHE_CONTROL, "private, no-cache")?;
    set(header::VARY, "accept")?;
    if let Some(next) = next {
        set(header::LINK, &format!("<{next}>; rel=\"next\""))?;
    }
    Ok(response)
}

/// The same bytes have the same tag, whichever server sends them.
fn etag(body: &[u8]) -> String {
    let hash = Sha256::digest(body);
    format!("\"{}\"", URL_SAFE_NO_PAD.encode(hash.get(..16).unwrap_or(&hash)))
}

/// Whether `If-None-Match` names it (RFC 9110 §13.1.2).
fn has(headers: &HeaderMap, etag: &str) -> bool {
    let values = headers.get_all(header::IF_NONE_MATCH).iter();
    let mut tags = values.filter_map(|value| value.to_str().ok()).flat_map(|v| v.split(','));
    tags.any(|tag| {
        let tag = tag.trim();
        tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(name: header::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    fn answered(headers: &HeaderMap, form: Form, rows: &[&str]) -> Response {
        let table = |rows: &Vec<&str>| {
            let mut csv = Csv::new(&["a"]);
            rows.iter().for_each(|text| csv.row([csv::Cell::Text(text)]));
            csv
        };
        answer(headers, form, ("x.csv", Some("/x?y=1")), &rows.to_vec(), table).unwrap()
    }

    #[test]
    fn the_parameter_goes_before_what_the_client_likes() {
        let likes = asked(header::ACCEPT, "text/csv");
        assert_eq!(Form::chosen(None, &likes), Ok(Form::Csv));
        assert_eq!(Form::chosen(Some("json"), &likes), Ok(Form::Json));
        assert_eq!(Form::chosen(None, &HeaderMap::new()), Ok(Form::Json));
        assert!(Form::chosen(Some("xml"), &likes).is_err());
        let neither = Form::chosen(None, &asked(header::ACCEPT, "text/html"));
        assert_eq!(neither.unwrap_err().status(), StatusCode::NOT_ACCEPTABLE);
    }

    #[test]
    fn who_has_the_bytes_is_not_sent_them_again() {
        let first = answered(&HeaderMap::new(), Form::Json, &["a"]);
        let etag = first.headers()[header::ETAG].to_str().unwrap().to_owned();
        assert_eq!(first.status(), StatusCode::OK);
        for known in [etag.clone(), format!("\"x\", W/{etag}"), "*".to_owned()] {
            let headers = asked(header::IF_NONE_MATCH, &known);
            let again = answered(&headers, Form::Json, &["a"]);
            assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{known}");
            assert_eq!(again.headers()[header::ETAG], etag.as_str());
            assert_eq!(again.headers()[header::LINK], "</x?y=1>; rel=\"next\"");
        }
        let headers = asked(header::IF_NONE_MATCH, &etag);
        for (form, rows) in [(Form::Json, ["b"]), (Form::Csv, ["a"])] {
            assert_eq!(answered(&headers, form, &rows).status(), StatusCode::OK, "{form:?}");
        }
    }
}
