//! `put` and its like.

use std::rc::Rc;

use serde_json::{Map, Value as Json};

use super::file::Source;
use super::info::info_dict;
use super::state::{ObjectStore, object_name};
use crate::bridge::errors::{Error, Result};
use crate::bridge::method::Invocation;
use crate::bridge::options::bad_value;
use crate::client::object::{Plan, Upload};
use crate::client::{Argument, Slot};
use crate::rules::object_meta::About;
use crate::rules::object_options::PUT_OPTIONS;
use crate::rules::option::{Kind, Name, Opt, int, named};
use crate::tcl::bytes::Pieces;
use crate::tcl::channel::{Channel, Failure, Piece, Use};
use crate::tcl::{self, Obj, Reply};
use bytes::Bytes;

const CALLBACK: Name = named(PUT_OPTIONS, "callback");

/// What a call's options say about an object.
///
/// # Errors
/// `ErrInvalidArg`
pub(super) fn about(call: &Invocation, table: &'static [Opt]) -> Result<About> {
    let given =
        |name: &str| call.options.all().iter().find(|given| table[given.index].name == name).map(|given| given.obj.clone());
    let headers = given("headers").map(|dict| lists(&dict).ok_or_else(|| bad_value("headers", Kind::Dict, &dict)));
    let metadata = given("metadata").map(|dict| texts(&dict).ok_or_else(|| bad_value("metadata", Kind::StrMap, &dict)));
    Ok(About {
        description: given("description").map(|text| text.to_text()),
        headers: headers.transpose()?,
        metadata: metadata.transpose()?,
    })
}

fn lists(dict: &Obj) -> Option<Json> {
    let mut fields = Map::new();
    for (name, values) in dict.as_dict()? {
        let values = values.as_list()?.iter().map(|value| Json::String(value.to_text())).collect();
        fields.insert(name.to_text(), Json::Array(values));
    }
    Some(Json::Object(fields))
}

fn texts(dict: &Obj) -> Option<Json> {
    let pairs = dict.as_dict()?;
    Some(Json::Object(pairs.iter().map(|(name, value)| (name.to_text(), Json::String(value.to_text()))).collect()))
}

/// What is to be stored, by a call's options.
///
/// # Errors
/// `ErrInvalidArg`
pub(super) fn plan(
    state: &ObjectStore,
    call: &Invocation,
    table: &'static [Opt],
    name: String,
    total: Option<u64>,
) -> Result<Plan> {
    const CHUNK_SIZE: &str = "chunk_size";
    let size = call.options.int(const { int(PUT_OPTIONS, CHUNK_SIZE) });
    if size < 1 {
        return Err(bad_value(CHUNK_SIZE, Kind::Count, &Obj::int(size)).into());
    }
    Ok(Plan {
        name,
        about: about(call, table)?,
        chunk_size: size as u64,
        ms: state.timeout(call, const { named(PUT_OPTIONS, "timeout") }),
        revision: call.options.given_sequence(const { named(PUT_OPTIONS, "revision") }),
        total,
        progress: state.progress(call, const { named(PUT_OPTIONS, "progress") })?,
    })
}

/// `put name data ?-option value ...?`
pub(super) fn put(state: &Rc<ObjectStore>, call: &Invocation) -> Result<Reply> {
    let name = object_name(&call.args[0])?;
    let mut data = Pieces::of(&call.args[1]).ok_or(Argument::PayloadNotBytes)?;
    let plan = plan(state, call, PUT_OPTIONS, name, Some(data.count() as u64))?;
    state.open()?;
    let store = state.store.within(plan.ms);
    state.run(call, CALLBACK, async move {
        let mut upload = Upload::begin(&store, plan).await?;
        let mut sent = 0;
        while sent < data.count() {
            let piece = data.at(sent, upload.chunk_size(), Bytes::copy_from_slice);
            if piece.is_empty() {
                return Err(Argument::PayloadNotBytes.into());
            }
            sent += piece.len();
            upload.write(piece).await?;
        }
        Ok(info_dict(&store.bucket, &upload.finish().await?))
    })
}

/// `put_channel name channel ?-option value ...?`
pub(super) fn put_channel(state: &Rc<ObjectStore>, call: &Invocation) -> Result<Reply> {
    let name = object_name(&call.args[0])?;
    let channel = Rc::new(Channel::find(call.interp, &call.args[1], Use::Read)?);
    let plan = plan(state, call, PUT_OPTIONS, name, None)?;
    state.open()?;
    let store = state.store.within(plan.ms);
    state.run(call, CALLBACK, async move {
        let mut upload = Upload::begin(&store, plan).await?;
        let readable = Slot::new();
        loop {
            match channel.read(upload.chunk_size()) {
                Piece::Data(data) => {
                    let bytes = data.with_bytes(Bytes::copy_from_slice).ok_or(Argument::PayloadNotBytes)?;
                    upload.write(bytes).await?;
                }
                Piece::Blocked => {
                    let told = Rc::clone(&readable);
                    let _ready = channel.when_ready(Use::Read, Rc::new(move || told.push(())));
                    readable.next().await;
                }
                Piece::End => return Ok(info_dict(&store.bucket, &upload.finish().await?)),
                Piece::Failed(failure) => return Err(channel_failed("reading", failure)),
            }
        }
    })
}

/// The error of a channel.
pub(super) fn channel_failed(what: &str, failure: Failure) -> Error {
    let errno = match failure {
        Failure::Told(error) => return error.into(),
        Failure::System(errno) => errno,
    };
    let (id, text) = tcl::posix(errno);
    tcl::Error::Raised { message: format!("error {what} the channel: {text}"), code: vec!["POSIX".into(), id, text] }.into()
}

/// `put_file name path ?-option value ...?`
pub(super) fn put_file(state: &Rc<ObjectStore>, call: &Invocation) -> Result<Reply> {
    let name = object_name(&call.args[0])?;
    let mut source = Source::open(&call.args[1].to_text())?;
    let plan = plan(state, call, PUT_OPTIONS, name, source.size())?;
    state.open()?;
    let store = state.store.within(plan.ms);
    state.run(call, CALLBACK, async move {
        let mut upload = Upload::begin(&store, plan).await?;
        loop {
            let piece = source.read(upload.chunk_size())?;
            if piece.is_empty() {
                return Ok(info_dict(&store.bucket, &upload.finish().await?));
            }
            upload.write(piece).await?;
        }
    })
}
