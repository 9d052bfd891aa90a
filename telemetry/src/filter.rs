//! Filters of outputs that lose nothing when something else asks what is enabled.

use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber, span};
use tracing_subscriber::layer::{Context, Filter};

/// A filter that is asked anew for each event and span which it may let through.
///
/// tracing-subscriber hands what an output's filter decides over in a variable of the thread, from
/// "is it enabled" to "here it is". Whoever only asks, as sqlx does through the `log` crate after each
/// statement, leaves its answer there; an event that is known to be always enabled is not asked for,
/// takes the answer of the other, and is lost (<https://github.com/tokio-rs/tracing/issues/2519>).
/// Nothing is "always" here, so the answer is always the event's own.
pub(crate) struct Anew<F>(pub(crate) F);

impl<S: Subscriber, F: Filter<S>> Filter<S> for Anew<F> {
    fn enabled(&self, meta: &Metadata<'_>, context: &Context<'_, S>) -> bool {
        self.0.enabled(meta, context)
    }

    fn callsite_enabled(&self, meta: &'static Metadata<'static>) -> Interest {
        let interest = self.0.callsite_enabled(meta);
        if interest.is_always() { Interest::sometimes() } else { interest }
    }

    fn event_enabled(&self, event: &Event<'_>, context: &Context<'_, S>) -> bool {
        self.0.event_enabled(event, context)
    }

    fn max_level_hint(&self) -> Option<tracing_subscriber::filter::LevelFilter> {
        self.0.max_level_hint()
    }

    fn on_new_span(&self, attrs: &span::Attributes<'_>, id: &span::Id, ctx: Context<'_, S>) {
        self.0.on_new_span(attrs, id, ctx);
    }

    fn on_record(&self, id: &span::Id, values: &span::Record<'_>, context: Context<'_, S>) {
        self.0.on_record(id, values, context);
    }

    fn on_enter(&self, id: &span::Id, context: Context<'_, S>) {
        self.0.on_enter(id, context);
    }

    fn on_exit(&self, id: &span::Id, context: Context<'_, S>) {
        self.0.on_exit(id, context);
    }

    fn on_close(&self, id: span::Id, context: Context<'_, S>) {
        self.0.on_close(id, context);
    }
}
