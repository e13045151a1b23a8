//! `nats::publisher`: publishing to streams with a window of messages that have no acknowledgement yet.

use std::cell::Cell;
use std::rc::Rc;

use crate::bridge::birth;
use crate::bridge::dialect;
use crate::bridge::errors::{Result, code_and_text};
use crate::bridge::messages::outgoing;
use crate::bridge::method::{ANY, Invocation, Method, constructor, row};
use crate::bridge::options::bad_value;
use crate::bridge::task::block;
use crate::classes::connection::receive::prefix;
use crate::classes::connection::state::Connection;
use crate::classes::connection::subscriptions::NESTED_CALLBACKS;
use crate::classes::jet_stream::api::{JetStream, open_or_error};
use crate::classes::jet_stream::publish::{ack_dict, headers};
use crate::client::publisher::{Failure, News, Publisher, Setting};
use crate::client::{Argument, Fault, Turns, timeout};
use crate::engine::{Headers, Outgoing, Repeat};
use crate::rules::option::{Kind, Name, Opt, Preset, flag, int, named, row as option_row};
use crate::rules::publishing::{MSG_ID, PUBLISHER_OPTIONS, WINDOWED_OPTIONS};
use crate::rules::window::Window;
use crate::tcl::{Class, Instance, Obj, Reply};

/// Options of `flush`.
const FLUSH_OPTIONS: &[Opt] = &[option_row("timeout", Kind::Timeout, "limit of the wait; 0, as without it, for none")];

/// The class.
pub(super) static CLASS: Class<Method<Windowed>> = Class {
    name: "::nats::publisher",
    constructor: constructor(
        "",
        (0, ANY),
        &[],
        "Made by the JetStream object's method publisher. Errors: ErrInvalidArg.",
        birth::construct,
    ),
    methods: &[&[
        row(
            "publish",
            "subject message ?-option value ...?",
            (2, 2),
            WINDOWED_OPTIONS,
            "Publishes; the number of the message, from 1. Waits while the window is full. Errors: ErrWindowFull, ErrInvalidArg, ErrNotSupported, ErrConnectionClosed and those of the connection's publish.",
            publish,
        ),
        row(
            "flush",
            "?-timeout ms?",
            (0, 0),
            FLUSH_OPTIONS,
            "Waits until nothing is pending. Dict `acked failed duplicates`: numbers of messages since the object was made; duplicates are acknowledged ones that the stream had already. Errors: ErrTimeout.",
            flush,
        ),
        row("pending", "", (0, 0), &[], "Number of messages that have neither an acknowledgement nor an error yet.", pending),
        row(
            "failures",
            "",
            (0, 0),
            &[],
            "List of dicts `number subject code message` of the messages that failed since the last call, the first 10,000 of them.",
            failures,
        ),
    ]],
};

/// State of a `nats::publisher` object.
pub(super) struct Windowed {
    js: Rc<JetStream>,
    /// Timeout of a message in ms, 0 for none.
    ms: i64,
    publisher: Rc<Publisher>,
    turns: Rc<Turns<News>>,
    /// What the IDs of its messages begin with, if it gives them some.
    ids: Option<String>,
    /// Number of the last of these IDs.
    last_id: Cell<u64>,
}

impl Instance for Windowed {
    fn close(&self) {
        self.publisher.end();
        self.turns.end();
    }

    fn as_any(self: Rc<Self>) -> Rc<dyn std::any::Any> {
        self
    }
}

const WINDOW: Preset<i64> = int(PUBLISHER_OPTIONS, "window");
const ACK_EVERY: Preset<i64> = int(PUBLISHER_OPTIONS, "ack_every");
const ON_ACK: Name = named(PUBLISHER_OPTIONS, "on_ack");
const ON_ERROR: Name = named(PUBLISHER_OPTIONS, "on_error");

/// `publisher ?-option value ...?`
pub(super) fn publisher(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    let options = &call.options;
    let positive = |option: Preset<i64>| match options.int(option) {
        0 => Err(bad_value(option.name.as_str(), Kind::Count, &Obj::int(0))),
        number => Ok(number as u64),
    };
    let (window, ack_every) = (positive(WINDOW)?, positive(ACK_EVERY)?);
    let bytes = options.int(const { int(PUBLISHER_OPTIONS, "window_bytes") });
    let ms = options.given_int(const { named(PUBLISHER_OPTIONS, "timeout") }).unwrap_or(js.api.timeout);
    let ids = options.flag(const { flag(PUBLISHER_OPTIONS, "msg_ids") });
    let retries = options.given_int(const { named(PUBLISHER_OPTIONS, "retries") });
    let times = retries.map_or(js.repeat.times, |retries| Some(retries as u64));
    // Without a limit a message to a server that keeps silent would never be settled.
    let at_timeout = ids && times.is_some();
    let callback = |name: Name| options.given(name).map(|given| prefix(&given.obj)).transpose();
    let (on_ack, on_error) = (callback(ON_ACK)?, callback(ON_ERROR)?);
    if on_ack.is_none() && options.given(ACK_EVERY.name).is_some() {
        return Err(Argument::Needs(ACK_EVERY.name, ON_ACK).into());
    }
    open_or_error(js)?;
    let setting = Setting {
        window: Window::new(window, bytes as u64),
        timeout: timeout(ms),
        repeat: Repeat { times, at_timeout, ..js.repeat },
        ack_every: on_ack.as_ref().map_or(0, |_| ack_every),
        tells_failures: on_error.is_some(),
    };
    let connection = Rc::clone(&js.connection);
    let run = move |news: News| tell(&connection, on_ack.as_deref(), on_error.as_deref(), news);
    let turns = Turns::released(NESTED_CALLBACKS, Rc::new(run));
    let to = Rc::clone(&turns);
    let publisher = Publisher::new(&js.connection.client, setting, move |news| to.push(news));
    let ids = ids.then(|| js.connection.engine().new_token());
    let state = Rc::new(Windowed { js: Rc::clone(js), ms, publisher, turns, ids, last_id: Cell::new(0) });
    let born = birth::make(call.interp, CLASS.name, Rc::clone(&state) as Rc<dyn Instance>)?;
    let name = born.handle.name(call.interp);
    if dialect::of(call.interp).children_die && !js.family.adopt(&js.connection.home, born.handle) {
        return Err(Fault::Closed.into());
    }
    Ok(name.into())
}

/// Runs a callback.
fn tell(connection: &Rc<Connection>, on_ack: Option<&[Obj]>, on_error: Option<&[Obj]>, news: News) {
    match news {
        News::Ack(number, message) => {
            if let (Some(callback), Ok(ack)) = (on_ack, ack_dict(&message)) {
                connection.run_callback(callback, [Obj::int(number as i64), ack]);
            }
        }
        News::Failed(failure) => {
            if let Some(callback) = on_error {
                let (code, text) = code_and_text(&connection.home, &failure.fault);
                let number = Obj::int(failure.number as i64);
                connection.run_callback(callback, [number, Obj::text(&failure.subject), code, text]);
            }
        }
    }
}

fn publish(windowed: &Rc<Windowed>, call: &Invocation) -> Result<Reply> {
    let (js, options) = (&windowed.js, &call.options);
    js.connection.open_or_error()?;
    let (mut headers, needs) = headers(options, Headers::new())?;
    if let Some(ids) = &windowed.ids
        && !headers.iter().flatten().any(|(name, _)| name == MSG_ID)
    {
        windowed.last_id.set(windowed.last_id.get() + 1);
        let id = format!("{ids}-{}", windowed.last_id.get());
        headers.get_or_insert_default().push((MSG_ID.to_string(), id));
    }
    let message = outgoing(&js.connection.latest, js.connection.coding(), &call.args[0], &call.args[1], "", headers)?;
    let waits = options.flag(const { flag(WINDOWED_OPTIONS, "wait") });
    let needs = match needs {
        Some((option, level)) if js.api.known_level().is_none_or(|known| known < level) => Some((option, level)),
        _ => None,
    };
    let message = match needs {
        Some(_) => message,
        None => match windowed.publisher.try_publish(message)? {
            Ok(number) => return Ok(Obj::int(number as i64).into()),
            Err(_) if !waits => return Err(Fault::WindowFull.into()),
            Err(message) => message,
        },
    };
    let windowed = Rc::clone(windowed);
    block(call.interp, async move {
        if let Some((option, level)) = needs {
            windowed.js.api.with_timeout(windowed.ms).needs_level(&format!("The option -{option}"), level).await?;
        }
        Ok(Obj::int(windowed.when_there_is_room(message, waits).await? as i64))
    })
}

impl Windowed {
    async fn when_there_is_room(&self, mut message: Outgoing, waits: bool) -> Result<u64> {
        loop {
            message = match self.publisher.try_publish(message)? {
                Ok(number) => return Ok(number),
                Err(_) if !waits => return Err(Fault::WindowFull.into()),
                Err(message) => message,
            };
            self.publisher.room(message.payload.len() as u64).await;
        }
    }
}

fn flush(windowed: &Rc<Windowed>, call: &Invocation) -> Result<Reply> {
    let ms = call.options.given_int(const { named(FLUSH_OPTIONS, "timeout") }).unwrap_or(0);
    let windowed = Rc::clone(windowed);
    block(call.interp, async move {
        let counts = windowed.publisher.flush(ms as u64).await?;
        let mut dict = Obj::dict();
        for (name, count) in [("acked", counts.acked), ("failed", counts.failed), ("duplicates", counts.duplicates)] {
            dict.put_text(name, &Obj::int(count as i64));
        }
        Ok(dict)
    })
}

fn pending(windowed: &Rc<Windowed>, _call: &Invocation) -> Result<Reply> {
    Ok(Obj::int(windowed.publisher.pending() as i64).into())
}

fn failures(windowed: &Rc<Windowed>, _call: &Invocation) -> Result<Reply> {
    let home = &windowed.js.connection.home;
    let shown = |failure: &Failure| {
        let (code, text) = code_and_text(home, &failure.fault);
        let mut dict = Obj::dict();
        dict.put_text("number", &Obj::int(failure.number as i64));
        dict.put_text("subject", &Obj::text(&failure.subject));
        dict.put_text("code", &code);
        dict.put_text("message", &text);
        dict
    };
    let failures: Vec<Obj> = windowed.publisher.failures().iter().map(shown).collect();
    Ok(Obj::list(&failures).into())
}
