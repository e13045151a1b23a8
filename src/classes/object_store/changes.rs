//! Links, other words about an object, the seal.

use std::rc::Rc;

use super::info::info_dict;
use super::put::about;
use super::state::{ObjectStore, bucket_name, object_name};
use crate::bridge::errors::Result;
use crate::bridge::method::Invocation;
use crate::bridge::task::block;
use crate::rules::object_meta::Link;
use crate::rules::object_options::{LINK_OPTIONS, META_OPTIONS};
use crate::rules::option::named;
use crate::tcl::{Obj, Reply};

/// `update_meta name ?-option value ...?`
pub(super) fn update_meta(state: &Rc<ObjectStore>, call: &Invocation) -> Result<Reply> {
    let name = object_name(&call.args[0])?;
    let new = call.options.given_text(const { named(META_OPTIONS, "name") }).map(str::to_string);
    let about = about(call, META_OPTIONS)?;
    state.open()?;
    let store = Rc::clone(&state.store);
    block(call.interp, async move { Ok(info_dict(&store.bucket, &store.update(&name, new.as_deref(), &about).await?)) })
}

/// `link name target ?-bucket bucket?`
pub(super) fn link(state: &Rc<ObjectStore>, call: &Invocation) -> Result<Reply> {
    let (name, target) = (object_name(&call.args[0])?, object_name(&call.args[1])?);
    let bucket = match call.options.given(const { named(LINK_OPTIONS, "bucket") }) {
        Some(given) => bucket_name(&given.obj)?,
        None => state.store.bucket.clone(),
    };
    make(state, call, name, Link { bucket, name: Some(target) })
}

/// `link_bucket name bucket`
pub(super) fn link_bucket(state: &Rc<ObjectStore>, call: &Invocation) -> Result<Reply> {
    let name = object_name(&call.args[0])?;
    let bucket = bucket_name(&call.args[1])?;
    make(state, call, name, Link { bucket, name: None })
}

fn make(state: &Rc<ObjectStore>, call: &Invocation, name: String, link: Link) -> Result<Reply> {
    state.open()?;
    let store = Rc::clone(&state.store);
    block(call.interp, async move { Ok(info_dict(&store.bucket, &store.link(&name, &link).await?)) })
}

/// `seal`
pub(super) fn seal(state: &Rc<ObjectStore>, call: &Invocation) -> Result<Reply> {
    state.open()?;
    let store = Rc::clone(&state.store);
    block(call.interp, async move {
        store.seal().await?;
        Ok(Obj::empty())
    })
}
