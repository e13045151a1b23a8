//! The one thing the wire library tells only through `tracing`: why it gave a connection up.

use once_cell::sync::Lazy;
use std::cell::RefCell;
use std::fmt::Debug;
use tracing::field::{Field, Visit};
use tracing::subscriber::Interest;
use tracing::{Dispatch, Event, Level, Metadata, Subscriber, span};

thread_local! {
    static LAST: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// One for the process: each new dispatcher makes `tracing` visit all call sites again.
static DISPATCH: Lazy<Dispatch> = Lazy::new(|| Dispatch::new(Probe));

/// Listens to `debug!(error = ?err, "disconnected")` and nothing else, so that all other call sites stay switched off.
struct Probe;

fn wanted(meta: &Metadata<'_>) -> bool {
    meta.is_event() && *meta.level() == Level::DEBUG && meta.target() == "async_nats" && meta.fields().field("error").is_some()
}

impl Subscriber for Probe {
    fn register_callsite(&self, meta: &'static Metadata<'static>) -> Interest {
        if wanted(meta) { Interest::always() } else { Interest::never() }
    }

    fn enabled(&self, meta: &Metadata<'_>) -> bool {
        wanted(meta)
    }

    fn event(&self, event: &Event<'_>) {
        let mut visit = Disconnected::default();
        event.record(&mut visit);
        if let (true, Some(error)) = (visit.is_it, visit.error) {
            LAST.with(|last| *last.borrow_mut() = Some(error));
        }
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

#[derive(Default)]
struct Disconnected {
    is_it: bool,
    error: Option<String>,
}

impl Visit for Disconnected {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        match field.name() {
            "message" => self.is_it = format!("{value:?}") == "disconnected",
            "error" => self.error = Some(format!("{value:?}")),
            _ => (),
        }
    }
}

/// Listens on the calling thread until the guard is dropped.
pub(super) fn listen() -> tracing::subscriber::DefaultGuard {
    tracing::dispatcher::set_default(&DISPATCH)
}

/// The reason of the last disconnection on this thread, as `Option<io::Error>` prints.
pub(super) fn take() -> Option<String> {
    LAST.with(|last| last.borrow_mut().take())
}
