//! Log lines on stderr.

use std::fmt;
use std::io::IsTerminal;
use std::str::FromStr;

use anyhow::Context;
use tracing_subscriber::filter::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::{Layer, fmt as lines};

use crate::Output;
use crate::filter::Anew;

/// How log lines look. Parses from and prints as `text` or `json`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people: one compact line, coloured on a terminal.
    #[default]
    Text,
    /// For collectors: one JSON object a line, with the event's fields at the top level, the time
    /// as RFC 3339 in UTC, and the fields of all spans around it, outermost first.
    Json,
}

impl FromStr for LogFormat {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> anyhow::Result<Self> {
        match name {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            other => anyhow::bail!("log format {other:?} is neither text nor json"),
        }
    }
}

impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Json => "json",
        })
    }
}

/// The log output on stderr.
pub(crate) fn output(filter: &str, format: LogFormat) -> anyhow::Result<Output> {
    let coloured = std::io::stderr().is_terminal();
    output_to(std::io::stderr, coloured, filter, format)
}

fn output_to<W>(
    writer: W,
    coloured: bool,
    filter: &str,
    format: LogFormat,
) -> anyhow::Result<Output>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let filter = directives(filter, &[])?;
    let layer = lines::layer().with_writer(writer);
    Ok(match format {
        LogFormat::Text => layer.compact().with_ansi(coloured).with_filter(filter).boxed(),
        LogFormat::Json => {
            layer.json().flatten_event(true).with_current_span(false).with_filter(filter).boxed()
        }
    })
}

/// A filter by directives, and nothing of the sources in `without`.
pub(crate) fn directives(filter: &str, without: &[&str]) -> anyhow::Result<Anew<EnvFilter>> {
    let without: String = without.iter().map(|source| format!(",{source}=off")).collect();
    // `info` first, so that `kube_client=debug` adds lines instead of silencing all others; a
    // directive without a target replaces it.
    EnvFilter::builder()
        .parse(format!("info,{filter}{without}"))
        .map(Anew)
        .with_context(|| format!("log filter {filter:?}"))
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn lines_of(filter: &str, format: LogFormat, act: impl FnOnce()) -> Vec<String> {
        let written = Written::default();
        let writer = written.clone();
        let output = output_to(move || writer.clone(), false, filter, format).unwrap();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(output), act);
        let bytes = written.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect()
    }

    fn talk() {
        let span = tracing::info_span!("reconcile", tenant = "acme");
        let _inside = span.enter();
        tracing::info!(writes = 3, "applied");
        tracing::debug!("not by default");
        tracing::debug!(target: "chatty", "only if asked");
    }

    #[test]
    fn text_is_one_compact_line_per_event_at_info() {
        let lines = lines_of("", LogFormat::Text, talk);
        assert_eq!(lines.len(), 1, "{lines:?}");
        for part in ["INFO", "applied", "writes=3", "tenant=\"acme\""] {
            assert!(lines[0].contains(part), "{part} in {}", lines[0]);
        }
    }

    #[test]
    fn json_lines_carry_fields_and_spans() {
        let lines = lines_of("info", LogFormat::Json, talk);
        assert_eq!(lines.len(), 1, "{lines:?}");
        let line: serde_json::Value = serde_json::from_str(&lines[0]).unwrap();
        assert_eq!(line["message"], "applied");
        assert_eq!(line["writes"], 3);
        assert_eq!(line["level"], "INFO");
        assert_eq!(line["spans"][0]["tenant"], "acme");
    }

    #[test]
    fn a_directive_adds_to_the_default() {
        let lines = lines_of("chatty=debug", LogFormat::Text, talk);
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines[1].contains("only if asked"));
        assert_eq!(lines_of("warn", LogFormat::Text, talk).len(), 0);
        assert_eq!(lines_of("debug", LogFormat::Text, talk).len(), 3);
    }

    /// As the `log` crate asks on behalf of sqlx after each statement.
    fn only_asks() {
        let asked = tracing::callsite! {
            name: "statement",
            kind: tracing::metadata::Kind::EVENT,
            target: "sqlx::query",
            level: tracing::Level::DEBUG,
            fields:
        };
        let meta = tracing::Callsite::metadata(asked);
        tracing::dispatcher::get_default(|all| all.enabled(meta));
    }

    #[test]
    fn a_line_is_not_lost_when_something_else_asked_what_is_enabled() {
        for format in [LogFormat::Text, LogFormat::Json] {
            let lines = lines_of("warn,chatty=info", format, || {
                tracing::info!(target: "chatty", "before");
                only_asks();
                tracing::info!(target: "chatty", "after");
                only_asks();
                tracing::info_span!(target: "chatty", "around", tenant = "acme")
                    .in_scope(|| tracing::info!(target: "chatty", "within"));
            });
            assert_eq!(lines.len(), 3, "{lines:?}");
            assert!(lines[1].contains("after") && lines[2].contains("acme"), "{lines:?}");
        }
    }

    #[test]
    fn a_bad_filter_or_format_names_itself() {
        let error = output("operator=loudly", LogFormat::Text).err().unwrap();
        assert!(error.to_string().contains("operator=loudly"), "{error}");
        let error = "yaml".parse::<LogFormat>().unwrap_err();
        assert!(error.to_string().contains("yaml"), "{error}");
        assert_eq!("json".parse::<LogFormat>().unwrap().to_string(), "json");
    }
}
