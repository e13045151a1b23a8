//! From the engine's threads to this thread's connections.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use once_cell::sync::{Lazy, OnceCell};

use crate::core::{Config, Conn, Event, Listener, Message, Sub, SubId};
use crate::tcl::event;
use crate::tcl::mailbox::{Mailbox, Sender};

/// One item of a thread's mailbox.
pub enum Delivery {
    /// Completion lane.
    Event(u64, Event),
    /// Message lane.
    Message(u64, Arc<Sub>, Message),
    /// Message lane: the subscription's last item.
    SubEnd(u64, SubId),
    /// Message lane: the last item of a destroyed connection.
    Gone(u64),
}

/// A connection's side on the Tcl thread.
pub trait Receiver {
    /// Takes a status, error or end of a call.
    fn event(self: Rc<Self>, event: Event);
    /// Takes an item of the message lane; gives it back if callbacks are nested too deep.
    fn bulk(self: Rc<Self>, item: Delivery) -> Option<Delivery>;
    /// The thread ends.
    fn abandon(&self);
}

struct Post {
    mailbox: Rc<Mailbox<Delivery>>,
    receivers: RefCell<HashMap<u64, Rc<dyn Receiver>>>,
    /// Items of subscriptions whose callbacks are nested too deep, in order, by connection and subscription.
    held: RefCell<BTreeMap<(u64, SubId), VecDeque<Delivery>>>,
}

thread_local! {
    /// Made once a thread and never freed: Tcl may be gone when the thread's storage goes.
    static POST: Cell<Option<&'static Post>> = const { Cell::new(None) };
}

static NEXT_KEY: AtomicU64 = AtomicU64::new(1);
/// Engines that may still have something to send when the process ends.
static ENGINES: Lazy<Mutex<HashMap<u64, Conn>>> = Lazy::new(Mutex::default);
static EXIT_HOOK: OnceCell<()> = OnceCell::new();

/// How long `exit` waits for what has been published, if the server takes nothing.
const FLUSH_AT_EXIT: Duration = Duration::from_millis(1000);

fn engines() -> std::sync::MutexGuard<'static, HashMap<u64, Conn>> {
    ENGINES.lock().unwrap_or_else(PoisonError::into_inner)
}

fn post() -> &'static Post {
    POST.with(|cell| {
        cell.get().unwrap_or_else(|| {
            let mailbox = Mailbox::new(deliver);
            let post: &'static Post =
                Box::leak(Box::new(Post { mailbox, receivers: RefCell::default(), held: RefCell::default() }));
            cell.set(Some(post));
            event::on_thread_exit(end_thread);
            EXIT_HOOK.get_or_init(|| event::on_process_exit(end_process));
            post
        })
    })
}

fn end_thread() {
    let Some(post) = POST.with(Cell::get) else { return };
    let receivers: Vec<_> = post.receivers.borrow_mut().drain().collect();
    for (key, receiver) in receivers {
        receiver.abandon();
        engines().remove(&key);
    }
    post.held.borrow_mut().clear();
    post.mailbox.close();
}

fn end_process() {
    let engines: Vec<Conn> = engines().drain().map(|(_, engine)| engine).collect();
    for engine in engines {
        engine.close(FLUSH_AT_EXIT);
    }
}

struct Postman {
    key: u64,
    sender: Sender<Delivery>,
}

impl Listener for Postman {
    fn event(&self, event: Event) {
        self.sender.urgent(Delivery::Event(self.key, event));
    }

    fn messages(&self, sub: &Arc<Sub>, batch: Vec<Message>) {
        let key = self.key;
        self.sender.bulk(batch.into_iter().map(|message| Delivery::Message(key, Arc::clone(sub), message)));
    }

    fn sub_end(&self, id: SubId) {
        self.sender.bulk([Delivery::SubEnd(self.key, id)]);
    }
}

/// Makes an engine whose events come to this thread, and the number under which its receiver is to be registered.
pub fn engine(config: Config) -> (u64, Conn) {
    let key = NEXT_KEY.fetch_add(1, Ordering::Relaxed);
    let engine = Conn::new(config, Arc::new(Postman { key, sender: post().mailbox.sender() }));
    engines().insert(key, engine.clone());
    (key, engine)
}

/// From now on the receiver gets what its engine sends.
pub fn register(key: u64, receiver: Rc<dyn Receiver>) {
    post().receivers.borrow_mut().insert(key, receiver);
}

/// The connection was destroyed: it receives what is queued already, then nothing.
pub fn retire(key: u64) {
    engines().remove(&key);
    post().mailbox.sender().bulk([Delivery::Gone(key)]);
}

/// Callbacks of the subscription may run again: what was held goes first.
pub fn release(key: u64, sub: SubId) {
    let post = post();
    if post.held.borrow().is_empty() {
        return;
    }
    let held = post.held.borrow_mut().remove(&(key, sub));
    if let Some(items) = held {
        post.mailbox.unread(items);
    }
}

fn key_of(item: &Delivery) -> u64 {
    match item {
        Delivery::Event(key, _) | Delivery::Message(key, ..) | Delivery::SubEnd(key, _) | Delivery::Gone(key) => *key,
    }
}

fn sub_of(item: &Delivery) -> SubId {
    match item {
        Delivery::Message(_, sub, _) => sub.id(),
        Delivery::SubEnd(_, id) => *id,
        Delivery::Event(..) | Delivery::Gone(_) => 0,
    }
}

/// The queue that an item has to join: that of its subscription; the end of a connection waits for all of them, one after the other.
fn holder<'a>(held: &'a mut BTreeMap<(u64, SubId), VecDeque<Delivery>>, item: &Delivery) -> Option<&'a mut VecDeque<Delivery>> {
    if held.is_empty() {
        return None;
    }
    match item {
        Delivery::Gone(key) => held.range_mut((*key, 0)..=(*key, SubId::MAX)).next().map(|(_, queue)| queue),
        item => held.get_mut(&(key_of(item), sub_of(item))),
    }
}

fn deliver(item: Delivery) {
    let post = post();
    let key = key_of(&item);
    let Some(receiver) = post.receivers.borrow().get(&key).cloned() else { return };
    match item {
        Delivery::Event(_, event) => receiver.event(event),
        item => {
            if let Some(queue) = holder(&mut post.held.borrow_mut(), &item) {
                queue.push_back(item);
                return;
            }
            if matches!(item, Delivery::Gone(_)) {
                post.receivers.borrow_mut().remove(&key);
                return;
            }
            if let Some(item) = receiver.bulk(item) {
                post.held.borrow_mut().entry((key, sub_of(&item))).or_default().push_back(item);
            }
        }
    }
}
