//! Delivery of what the engine's threads produce to the connections of this thread.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::vec::IntoIter;

use once_cell::sync::{Lazy, OnceCell};
use rustc_hash::FxHashMap;

use super::infos::Infos;
use crate::engine::{CallId, Config, Conn, Event, Info, Listener, Message, Sub, SubId};
use crate::rules::pace;
use crate::tcl::mailbox::{Item, Mailbox, Sender, Taken};
use crate::tcl::{Rhythm, caught, event, fork, memory};

/// One item of a thread's mailbox.
pub(crate) enum Delivery {
    /// Completion lane.
    Event(u64, Event),
    /// Completion lane: an INFO.
    Info(u64, Arc<Info>, Arc<Infos>),
    /// Message lane: messages of one subscription, in the order of their arrival.
    Batch(u64, Arc<Sub>, IntoIter<Message>),
    /// Message lane: the last item of a subscription.
    SubEnd(u64, SubId),
    /// Message lane: the last item of a destroyed connection in this lane.
    Gone(u64),
    /// Message lane: the first of a subscription's held items may have its turn.
    Held(u64, SubId),
    /// Completion lane: the last item of all of a destroyed connection.
    Last(u64),
    /// Completion lane: work to be done when everything queued before it has been handled.
    Mark(u64),
}

/// A message for a callback, and the receiver that knows the callback.
pub(crate) type Piece = (Rc<dyn Receiver>, SubId, Message);

impl Item for Delivery {
    type Piece = Piece;

    fn split(&mut self) -> Option<(Piece, bool)> {
        let Delivery::Batch(key, sub, rest) = self else { return None };
        let post = post();
        let receiver = post.receivers.borrow().get(key).cloned()?;
        if !receiver.has_room(sub.id()) || post.held.borrow().contains_key(&(*key, sub.id())) {
            return None;
        }
        let message = take_one(sub, rest)?;
        Some(((receiver, sub.id(), message), rest.as_slice().is_empty()))
    }
}

fn take_one(sub: &Sub, rest: &mut IntoIter<Message>) -> Option<Message> {
    let message = rest.next()?;
    if sub.taken(message.body_len()) >= FLOOD {
        FLOODED.set(true);
    }
    Some(message)
}

fn idle() {
    if FLOODED.replace(false) {
        memory::give_back();
    }
}

/// A connection as this thread's deliveries see it.
pub(crate) trait Receiver {
    /// Takes a status, error or end of a call.
    fn event(self: Rc<Self>, event: Event);
    /// Takes a message.
    fn message(self: Rc<Self>, sub: SubId, message: Message);
    /// A subscription has had its last message.
    fn sub_end(&self, sub: SubId);
    /// Whether another callback of the subscription may be put on the stack.
    fn has_room(&self, sub: SubId) -> bool;
    /// Nothing comes any more.
    fn last(&self);
    /// The thread ends.
    fn abandon(&self);
}

struct Post {
    mailbox: Rc<Mailbox<Delivery>>,
    receivers: RefCell<FxHashMap<u64, Rc<dyn Receiver>>>,
    held: RefCell<HeldBySub>,
    /// Work to be done when a queued mark is reached.
    marks: RefCell<FxHashMap<u64, Box<dyn FnOnce()>>>,
}

/// Items of subscriptions whose callbacks are nested too deep, by connection and subscription.
type HeldBySub = BTreeMap<(u64, SubId), Held>;

#[derive(Default)]
struct Held {
    /// In order.
    items: VecDeque<Delivery>,
    /// A [`Delivery::Held`] is on its way.
    called: bool,
}

thread_local! {
    /// Post of the thread, made once and never freed: Tcl may be gone when the thread's storage is freed.
    static POST: Cell<Option<&'static Post>> = const { Cell::new(None) };
    /// Whether enough messages have been queued that their memory is worth giving back.
    static FLOODED: Cell<bool> = const { Cell::new(false) };
}

/// Number of queued messages of one subscription whose memory is worth giving back: some 10 MiB.
const FLOOD: i64 = 65_536;

const RHYTHM: Rhythm = Rhythm { slice: pace::SLICE, long_run: pace::LONG_RUN, linger: pace::LINGER, burst: pace::BURST };

static NEXT_KEY: AtomicU64 = AtomicU64::new(1);
/// Engines that may still have something to send when the process ends.
static ENGINES: Lazy<Mutex<HashMap<u64, Conn>>> = Lazy::new(Mutex::default);
static EXIT_HOOK: OnceCell<()> = OnceCell::new();

/// Time that `exit` gives a server that takes nothing to accept what has been published.
const FLUSH_AT_EXIT: Duration = Duration::from_millis(1000);

fn engines() -> std::sync::MutexGuard<'static, HashMap<u64, Conn>> {
    ENGINES.lock().unwrap_or_else(PoisonError::into_inner)
}

fn post() -> &'static Post {
    POST.with(|cell| {
        // After a fork the parent's is left alone: the threads that held its locks do not exist here.
        cell.get().filter(|post| !post.mailbox.is_foreign()).unwrap_or_else(|| {
            let mailbox = Mailbox::new(RHYTHM, deliver, idle);
            let post: &'static Post = Box::leak(Box::new(Post {
                mailbox,
                receivers: RefCell::default(),
                held: RefCell::default(),
                marks: RefCell::default(),
            }));
            cell.set(Some(post));
            event::on_thread_exit(end_thread);
            EXIT_HOOK.get_or_init(|| event::on_process_exit(end_process));
            post
        })
    })
}

fn end_thread() {
    // In a fork of the process the locks of what is the parent's may be held by threads that are not there.
    let Some(post) = POST.with(Cell::get).filter(|post| !post.mailbox.is_foreign()) else { return };
    let receivers: Vec<_> = post.receivers.borrow_mut().drain().collect();
    for (key, receiver) in receivers {
        receiver.abandon();
        engines().remove(&key);
    }
    post.held.borrow_mut().clear();
    let marks = post.marks.take();
    drop(marks);
    post.mailbox.close();
}

fn end_process() {
    let engines: Vec<Conn> = engines().drain().map(|(_, engine)| engine).filter(|engine| !engine.is_foreign()).collect();
    // Side by side: servers that take nothing would add up.
    std::thread::scope(|scope| {
        for engine in &engines {
            let closing = std::thread::Builder::new().spawn_scoped(scope, || engine.close(FLUSH_AT_EXIT));
            if closing.is_err() {
                engine.close(FLUSH_AT_EXIT);
            }
        }
    });
}

struct Postman {
    key: u64,
    infos: Arc<Infos>,
    sender: Sender<Delivery>,
    /// Process in which it was made.
    born: u32,
}

impl Listener for Postman {
    fn is_foreign(&self) -> bool {
        self.born != fork::generation()
    }

    fn guard(&self, work: &mut dyn FnMut()) -> Result<(), String> {
        caught(work)
    }

    fn event(&self, event: Event) {
        let delivery = match event {
            Event::Info(info) => match self.infos.came(info) {
                Some(info) => Delivery::Info(self.key, info, Arc::clone(&self.infos)),
                None => return,
            },
            event => Delivery::Event(self.key, event),
        };
        self.sender.urgent(delivery);
    }

    fn events(&self, events: Vec<Event>) {
        if !events.is_empty() {
            let key = self.key;
            self.sender.urgent_all(events.into_iter().map(|event| Delivery::Event(key, event)));
        }
    }

    fn replies(&self, call: CallId, messages: Vec<Message>) {
        if !messages.is_empty() {
            let key = self.key;
            self.sender.urgent_all(messages.into_iter().map(|message| Delivery::Event(key, Event::Reply { call, message })));
        }
    }

    fn messages(&self, sub: &Arc<Sub>, batch: Vec<Message>) {
        let key = self.key;
        self.sender.bulk([Delivery::Batch(key, Arc::clone(sub), batch.into_iter())]);
    }

    fn sub_end(&self, id: SubId) {
        self.sender.bulk([Delivery::SubEnd(self.key, id)]);
    }
}

/// Makes an engine whose events come to this thread, and the number under which its receiver is to be registered.
pub(crate) fn engine(config: Config) -> (u64, Conn) {
    let key = NEXT_KEY.fetch_add(1, Ordering::Relaxed);
    let sender = post().mailbox.sender();
    let engine = Conn::new(config, Arc::new(Postman { key, infos: Arc::default(), sender, born: fork::generation() }));
    engines().insert(key, engine.clone());
    (key, engine)
}

/// Registers the receiver of what its engine sends.
pub(crate) fn register(key: u64, receiver: Rc<dyn Receiver>) {
    post().receivers.borrow_mut().insert(key, receiver);
}

/// Waits without sleeping, until `end` at the latest, for something to be delivered to this thread.
pub(crate) fn linger(end: Instant) {
    post().mailbox.linger(end);
}

/// Runs `work` when all completions and replies that have arrived by now have been handled.
pub(crate) fn behind_arrivals(work: Box<dyn FnOnce()>) {
    let (post, ticket) = (post(), NEXT_KEY.fetch_add(1, Ordering::Relaxed));
    post.marks.borrow_mut().insert(ticket, work);
    post.mailbox.sender().urgent(Delivery::Mark(ticket));
}

/// The connection was destroyed: it receives what is queued already, then nothing.
pub(crate) fn retire(key: u64) {
    let engine = engines().remove(&key);
    // After a fork nobody may take its locks, not even to free it.
    std::mem::forget(engine.filter(Conn::is_foreign));
    post().mailbox.sender().bulk([Delivery::Gone(key)]);
}

/// Callbacks of the subscription may run again: what was held goes first.
pub(crate) fn release(key: u64, sub: SubId) {
    let post = post();
    if !post.held.borrow().is_empty() {
        call_up(post, (key, sub));
    }
}

/// One item at a time: to move all of them for each callback that returns would take a time that grows with their square.
fn call_up(post: &Post, of: (u64, SubId)) {
    let fresh = post.held.borrow_mut().get_mut(&of).is_some_and(|held| !std::mem::replace(&mut held.called, true));
    if fresh {
        post.mailbox.unread(Delivery::Held(of.0, of.1));
    }
}

fn deliver_held(post: &Post, receiver: Rc<dyn Receiver>, of: (u64, SubId)) {
    let mut all = post.held.borrow_mut();
    let Some(held) = all.get_mut(&of) else { return };
    held.called = false;
    // Without room the next callback that returns calls again.
    if !receiver.has_room(of.1) {
        return;
    }
    let piece = match held.items.front_mut() {
        Some(Delivery::Batch(_, sub, rest)) => take_one(sub, rest).map(|message| (message, !rest.as_slice().is_empty())),
        _ => None,
    };
    let (message, item) = match piece {
        Some((message, true)) => (Some(message), None),
        Some((message, false)) => {
            held.items.pop_front();
            (Some(message), None)
        }
        None => (None, held.items.pop_front()),
    };
    if held.items.is_empty() {
        all.remove(&of);
    }
    drop(all);
    // Before the callback: an event loop nested in it goes on with the next item.
    call_up(post, of);
    if let Some(message) = message {
        return receiver.message(of.1, message);
    }
    match item {
        // Not through the queue, where the end of the connection may be waiting.
        Some(Delivery::SubEnd(_, sub)) => receiver.sub_end(sub),
        Some(item) => deliver(Taken::Whole(item)),
        None => {}
    }
}

fn key_of(item: &Delivery) -> u64 {
    match item {
        Delivery::Event(key, _) | Delivery::Info(key, ..) | Delivery::Batch(key, ..) | Delivery::SubEnd(key, _) => *key,
        Delivery::Held(key, _) | Delivery::Gone(key) | Delivery::Last(key) | Delivery::Mark(key) => *key,
    }
}

/// The queue that an item has to join: that of its subscription; the end of a connection waits for all of them, one after the
/// other.
fn holder(held: &mut HeldBySub, key: u64, sub: Option<SubId>) -> Option<&mut VecDeque<Delivery>> {
    let held = match sub {
        None => held.range_mut((key, 0)..=(key, SubId::MAX)).next().map(|(_, held)| held),
        Some(sub) => held.get_mut(&(key, sub)),
    };
    held.map(|held| &mut held.items)
}

fn deliver(taken: Taken<Delivery>) {
    let item = match taken {
        Taken::Piece((receiver, sub, message)) => return receiver.message(sub, message),
        Taken::Whole(item) => item,
    };
    let post = post();
    let key = key_of(&item);
    if matches!(item, Delivery::Mark(_)) {
        let work = post.marks.borrow_mut().remove(&key);
        return work.into_iter().for_each(|work| work());
    }
    let Some(receiver) = post.receivers.borrow().get(&key).cloned() else { return };
    match item {
        Delivery::Event(_, event) => receiver.event(event),
        Delivery::Info(_, info, infos) => receiver.event(Event::Info(infos.told(info))),
        // It could not be split: no room.
        Delivery::Batch(_, ref sub, ref rest) => {
            if !rest.as_slice().is_empty() {
                let of = (key, sub.id());
                post.held.borrow_mut().entry(of).or_default().items.push_back(item);
            }
        }
        Delivery::SubEnd(_, sub) => {
            let held = holder(&mut post.held.borrow_mut(), key, Some(sub)).map(|queue| queue.push_back(item)).is_some();
            if !held {
                receiver.sub_end(sub);
            }
        }
        Delivery::Held(_, sub) => deliver_held(post, receiver, (key, sub)),
        Delivery::Gone(_) => match holder(&mut post.held.borrow_mut(), key, None) {
            Some(queue) => queue.push_back(item),
            // Ends of calls may still be queued in the other lane.
            None => post.mailbox.sender().urgent(Delivery::Last(key)),
        },
        Delivery::Last(_) => {
            let gone = post.receivers.borrow_mut().remove(&key);
            drop(gone);
            receiver.last();
        }
        Delivery::Mark(_) => {}
    }
}
