//! Constructor, options, connect and disconnect, and the methods that inform about a connection.

use std::rc::Rc;
use std::time::Duration;

use super::log::{Log, level};
use super::receive::server_dict;
use super::settings::Settings;
use super::state::Connection;
use super::variables::info_fields;
use crate::bridge::delivery;
use crate::bridge::errors::Result;
use crate::bridge::method::Invocation;
use crate::bridge::options::Given;
use crate::bridge::task::block;
use crate::client::{Answer, Argument, Fault, State, Waiting, timeout};
use crate::engine::{End, Level};
use crate::rules::connection::{CONNECTION_OPTIONS, CONSTRUCTOR_OPTIONS, PING_OPTIONS};
use crate::rules::option::{Preset, index, int, text};
use crate::tcl::{Instance, Obj, Object, Reply, class};

/// Row of `-servers`, which only a closed connection takes.
const SERVERS: usize = index(CONNECTION_OPTIONS, "servers");

const LOGGER: Preset<&str> = text(CONSTRUCTOR_OPTIONS, "logger");
const LOG_CHAN: Preset<&str> = text(CONSTRUCTOR_OPTIONS, "log_chan");
const LOG_LEVEL: Preset<&str> = text(CONSTRUCTOR_OPTIONS, "log_level");

/// Time that `disconnect` gives a server that takes nothing.
const FLUSH: Duration = Duration::from_secs(2);

impl Instance for Connection {
    fn close(&self) {
        if self.mark_destroyed() {
            self.family.end(&self.home);
            self.shut();
            self.silence();
            delivery::retire(self.key);
        }
    }

    fn as_any(self: Rc<Self>) -> Rc<dyn std::any::Any> {
        self
    }
}

impl Connection {
    /// Ends the connection after sending what has been published.
    fn shut(&self) {
        if self.state() == State::Closed {
            // The engine may be ahead of the variable or behind it: this ends it in any case.
            self.engine().close(Duration::ZERO);
            return;
        }
        self.client.part();
        let dropped = self.engine().close(FLUSH);
        // Events of this connection that are still under way are stale now.
        let epoch = self.client.next_epoch();
        if dropped > 0 {
            self.log(Level::Warn, || format!("{dropped} messages dropped"));
        }
        self.log(Level::Info, || "Connection closed".to_string());
        self.subscriptions.forget();
        self.client.calls().forget_callbacks();
        self.variables.set_last_error(None);
        // A trace may have disconnected as well.
        if self.client.epoch() == epoch {
            let (waiting, unheard) = (self.client.take_connecting(), self.client.take_unheard());
            self.set_state(State::Closed);
            waiting.end(&Err(Fault::ClosedWaiting));
            unheard.end(|| End::Closed);
        }
    }

    fn apply(&self, given: &[Given]) -> Result<()> {
        let servers = given.iter().rfind(|given| given.index == SERVERS);
        if servers.is_some() && self.state() != State::Closed {
            return Err(Argument::PoolInUse.into());
        }
        let mut settings = self.settings.borrow().clone();
        settings.apply(given);
        if let Some(servers) = servers {
            let urls: Vec<String> = servers.obj.as_list().unwrap_or_default().iter().map(Obj::to_text).collect();
            self.engine().set_servers(&urls, settings.randomize())?;
        }
        self.configure(&settings);
        *self.settings.borrow_mut() = settings;
        for key in Settings::ignored_tls_keys(given) {
            self.log(Level::Warn, || format!("TLS option -{key} has no meaning here and is ignored"));
        }
        Ok(())
    }
}

/// `nats::connection new ?name? ?-logger obj? ?-log_chan channel? ?-log_level level?`
pub(super) fn construct(call: &Invocation, object: Object) -> Result<()> {
    if object.instance::<Connection>().is_some() {
        return Err(Argument::ConstructedAlready.into());
    }
    let name = call.args.first().cloned().unwrap_or_else(Obj::empty);
    let options = &call.options;
    let command = object.name(call.interp).to_text();
    let log = match options.text(LOGGER) {
        "" => Log::channel(options.text(LOG_CHAN), level(options.text(LOG_LEVEL)), &command),
        logger => Log::logger(logger, &command),
    };
    let settings = Settings::new(call.interp, &name)?;
    let namespace = object.namespace().ok_or(Fault::Closed)?;
    let connection = Connection::new(call.interp, namespace, settings, log)?;
    delivery::register(connection.key, Rc::clone(&connection) as Rc<dyn delivery::Receiver>);
    object.set_instance(connection);
    Ok(())
}

/// `configure ?option? ?value option value ...?`
pub(super) fn configure(connection: &Rc<Connection>, call: &Invocation) -> Result<Reply> {
    match call.args {
        [] => Ok(connection.settings.borrow().as_dict().into()),
        [_] => cget(connection, call),
        words => {
            let given = Settings::check(call.interp, words)?;
            connection.apply(&given)?;
            Ok(Reply::Empty)
        }
    }
}

/// `cget option`
pub(super) fn cget(connection: &Rc<Connection>, call: &Invocation) -> Result<Reply> {
    if matches!(&*call.args[0].as_text(), "-status" | "status") {
        return Ok(Obj::text(connection.state().as_str()).into());
    }
    let index = Settings::find(&call.args[0])?;
    Ok(connection.settings.borrow().get(index).into())
}

/// `reset ?option ...?`
pub(super) fn reset(connection: &Rc<Connection>, call: &Invocation) -> Result<Reply> {
    let indexes = call.args.iter().map(Settings::find).collect::<Result<Vec<_>>>()?;
    let mut settings = connection.settings.borrow().clone();
    let servers = indexes.contains(&SERVERS);
    if servers && connection.state() != State::Closed {
        return Err(Argument::PoolInUse.into());
    }
    for index in indexes {
        settings.reset(call.interp, index)?;
    }
    if servers {
        connection.engine().set_servers(&[], false)?;
    }
    connection.configure(&settings);
    *connection.settings.borrow_mut() = settings;
    Ok(Reply::Empty)
}

/// `connect ?-async?`
pub(super) fn connect(connection: &Rc<Connection>, call: &Invocation) -> Result<Reply> {
    let asynchronous = match call.args {
        [] => false,
        [word] if &*word.as_text() == "-async" => true,
        [.., word] => return Err(Argument::UnknownOption(word.to_text()).into()),
    };
    // A trace may call this while the object is being destroyed: nobody would ever close that connection.
    if connection.is_destroyed() {
        return Err(Fault::Closed.into());
    }
    if connection.state() != State::Closed {
        return Ok(Reply::Empty);
    }
    let epoch = connection.client.open()?;
    let waiting = (!asynchronous).then(|| connection.client.await_connect());
    connection.variables.set_last_error(None);
    if connection.client.epoch() == epoch {
        connection.set_state(State::Connecting);
    }
    match waiting {
        None => Ok(Reply::Empty),
        Some(waiting) => block(call.interp, async move { Ok(waiting.next().await.map(|()| Obj::empty())?) }),
    }
}

/// `disconnect`
pub(super) fn disconnect(connection: &Rc<Connection>, _call: &Invocation) -> Result<Reply> {
    if connection.state() != State::Closed {
        connection.shut();
    }
    Ok(Reply::Empty)
}

/// `ping ?-timeout ms?`
pub(super) fn ping(connection: &Rc<Connection>, call: &Invocation) -> Result<Reply> {
    round_trip(connection, call, |_| Obj::bool(true))
}

/// `rtt ?-timeout ms?`
pub(super) fn rtt(connection: &Rc<Connection>, call: &Invocation) -> Result<Reply> {
    // Clocks are no finer than microseconds.
    round_trip(connection, call, |time| Obj::text(&format!("{:.3}", time.as_secs_f64() * 1000.0)))
}

fn round_trip(connection: &Rc<Connection>, call: &Invocation, result: fn(Duration) -> Obj) -> Result<Reply> {
    connection.open_or_error()?;
    if connection.state() != State::Connected {
        return Err(Fault::Closed.into());
    }
    let ms = call.options.int(const { int(PING_OPTIONS, "timeout") });
    let calling = connection.round_trip(timeout(ms));
    block(call.interp, async move {
        match calling.next().await {
            Answer::End(End::Pong(time)) => Ok(result(time)),
            Answer::Reply(_) => Err(Fault::ClosedWaiting.into()),
            Answer::End(end) => Err(Fault::of_end(&end, Waiting::Ping).into()),
        }
    })
}

/// `current_server`
pub(super) fn current_server(connection: &Rc<Connection>, _call: &Invocation) -> Result<Reply> {
    connection.open_or_error()?;
    let (host, port) = connection.engine().current_server().ok_or(Fault::Closed)?;
    Ok(Obj::list(&[Obj::text(&host), Obj::int(i64::from(port))]).into())
}

/// `all_servers`
pub(super) fn all_servers(connection: &Rc<Connection>, _call: &Invocation) -> Result<Reply> {
    let servers: Vec<Obj> = connection.engine().servers().iter().map(server_dict).collect();
    Ok(Obj::list(&servers).into())
}

/// `server_info`
pub(super) fn server_info(connection: &Rc<Connection>, _call: &Invocation) -> Result<Reply> {
    let mut dict = Obj::dict();
    if let Some(info) = connection.engine().server_info() {
        for (name, value) in info_fields(&info, connection.settings.borrow().dialect()) {
            dict.put_text(name, &value);
        }
    }
    Ok(dict.into())
}

/// `statistics`
pub(super) fn statistics(connection: &Rc<Connection>, _call: &Invocation) -> Result<Reply> {
    let counts = connection.engine().statistics();
    let mut dict = Obj::dict();
    for (name, count) in [
        ("in_msgs", counts.in_msgs),
        ("in_bytes", counts.in_bytes),
        ("out_msgs", counts.out_msgs),
        ("out_bytes", counts.out_bytes),
        ("reconnects", counts.reconnects),
        ("dropped", counts.dropped),
        ("outbox_bytes", counts.outbox_bytes),
    ] {
        dict.put_text(name, &Obj::int(count as i64));
    }
    Ok(dict.into())
}

/// `inbox`
pub(super) fn inbox(connection: &Rc<Connection>, _call: &Invocation) -> Result<Reply> {
    Ok(Obj::text(&connection.engine().new_inbox()).into())
}

/// `jet_stream ?-timeout ms? ?-domain domain?`
pub(super) fn jet_stream(_connection: &Rc<Connection>, call: &Invocation) -> Result<Reply> {
    let Some(object) = call.call.object() else { return Err(Fault::Closed.into()) };
    let mut words = vec![object.name(call.interp)];
    words.extend_from_slice(call.call.args());
    Ok(class::make(call.interp, "::nats::jet_stream", &words)?.into())
}
