//! Methods that inform about the account and the object itself.

use std::rc::Rc;

use super::api::{JetStream, Shape, open_or_error, request};
use crate::bridge::errors::Result;
use crate::bridge::method::Invocation;
use crate::bridge::task::block;
use crate::tcl::{Obj, Reply};

/// `account_info`
pub(super) fn account_info(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    request(js, call, "INFO".to_string(), String::new(), Shape::Dict)
}

/// `api_level`
pub(super) fn api_level(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    open_or_error(js)?;
    let js = Rc::clone(js);
    block(call.interp, async move { Ok(Obj::int(i64::from(js.api.level().await?))) })
}

/// `api_prefix`
pub(super) fn api_prefix(js: &Rc<JetStream>, _call: &Invocation) -> Result<Reply> {
    Ok(Obj::text(js.api.prefix()).into())
}

/// `timeout`
pub(super) fn timeout(js: &Rc<JetStream>, _call: &Invocation) -> Result<Reply> {
    Ok(Obj::int(js.api.timeout).into())
}
