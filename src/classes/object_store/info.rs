//! What is known about an object, as a dict.

use serde_json::Value as Json;

use crate::bridge::json::to_obj;
use crate::client::object::Entry;
use crate::tcl::Obj;

/// The info of an object in a bucket.
pub(super) fn info_dict(bucket: &str, entry: &Entry) -> Obj {
    let meta = &entry.meta;
    let object = |field: &str| to_obj(&Json::Object(meta.object(field)));
    let mut dict = Obj::dict();
    let mut put = |name: &str, value: Obj| dict.put_text(name, &value);
    put("name", Obj::text(meta.name()));
    put("bucket", Obj::text(if meta.bucket().is_empty() { bucket } else { meta.bucket() }));
    put("nuid", Obj::text(meta.nuid()));
    put("size", Obj::uint(meta.size()));
    put("chunks", Obj::uint(meta.chunks()));
    put("digest", Obj::text(meta.digest()));
    put("mtime", Obj::int(entry.mtime));
    put("revision", Obj::uint(entry.revision));
    put("deleted", Obj::bool(meta.is_deleted()));
    put("description", Obj::text(meta.description()));
    put("headers", object("headers"));
    put("metadata", object("metadata"));
    put("options", object("options"));
    for (name, value) in meta.others() {
        put(name, to_obj(value));
    }
    dict
}
