//! The meta of an object: the JSON that says what it is (NATS ADR-20).

use serde_json::{Map, Value as Json, json};

use super::names::is_bucket;

/// Fields that a meta can have, in the order in which they are written.
const FIELDS: &[&str] =
    &["name", "description", "headers", "metadata", "options", "bucket", "nuid", "size", "chunks", "digest", "deleted"];

/// Field that other clients write and that says nothing: the time is that of the message.
const MTIME: &str = "mtime";

/// What a link leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    /// Bucket.
    pub bucket: String,
    /// Object; without one the link leads to the whole bucket.
    pub name: Option<String>,
}

/// What the writer of an object says about it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct About {
    /// Description.
    pub description: Option<String>,
    /// Headers: lists of texts.
    pub headers: Option<Json>,
    /// Metadata: texts.
    pub metadata: Option<Json>,
}

/// The content of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Content {
    /// Name of its chunks.
    pub nuid: String,
    /// Greatest number of bytes in a chunk.
    pub chunk_size: u64,
    /// Number of bytes.
    pub size: u64,
    /// Number of chunks.
    pub chunks: u64,
    /// Digest.
    pub digest: String,
}

/// The meta of an object.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Meta(Map<String, Json>);

/// Whether this can be the name of an object's chunks: a token of their subject. A wildcard would stand for the chunks of all
/// objects, which would be removed with this one.
fn is_nuid(nuid: &str) -> bool {
    !nuid.is_empty() && !nuid.chars().any(|c| c.is_whitespace() || c.is_control() || matches!(c, '.' | '*' | '>'))
}

impl Meta {
    /// Reads a meta: an object that has chunks of its own, or a link. `None` for anything else.
    pub(crate) fn parse(json: &[u8]) -> Option<Meta> {
        let Ok(Json::Object(mut fields)) = serde_json::from_slice(json) else { return None };
        fields.retain(|name, value| name != MTIME && !value.is_null());
        // As a number of another kind they would be 0, and the object an empty one.
        let counted = ["size", "chunks"].iter().all(|name| fields.get(*name).is_none_or(Json::is_u64));
        let meta = Meta(fields);
        (counted && (is_nuid(meta.nuid()) || meta.has_link())).then_some(meta)
    }

    /// The meta of a new object.
    pub(crate) fn new(bucket: &str, name: &str, about: &About, content: &Content) -> Meta {
        let mut fields = Map::new();
        fields.insert("name".into(), name.into());
        fields.insert("options".into(), json!({ "max_chunk_size": content.chunk_size }));
        fields.insert("bucket".into(), bucket.into());
        fields.insert("nuid".into(), content.nuid.as_str().into());
        fields.insert("size".into(), content.size.into());
        fields.insert("chunks".into(), content.chunks.into());
        fields.insert("digest".into(), content.digest.as_str().into());
        Meta(fields).with(about)
    }

    /// The meta of a new link.
    pub(crate) fn link_to(bucket: &str, name: &str, nuid: &str, link: &Link) -> Meta {
        let mut target = Map::new();
        target.insert("bucket".into(), link.bucket.as_str().into());
        if let Some(name) = &link.name {
            target.insert("name".into(), name.as_str().into());
        }
        let fields = json!({
            "name": name, "options": { "link": target }, "bucket": bucket, "nuid": nuid, "size": 0, "chunks": 0,
        });
        match fields {
            Json::Object(fields) => Meta(fields),
            _ => Meta(Map::new()),
        }
    }

    /// The same object, about which something else is said; what is `None` stays.
    pub(crate) fn with(mut self, about: &About) -> Meta {
        let description = about.description.as_deref().map(Json::from);
        for (name, value) in [("description", &description), ("headers", &about.headers), ("metadata", &about.metadata)] {
            match value {
                Some(Json::String(text)) if text.is_empty() => drop(self.0.shift_remove(name)),
                Some(Json::Object(fields)) if fields.is_empty() => drop(self.0.shift_remove(name)),
                Some(value) => drop(self.0.insert(name.into(), value.clone())),
                None => {}
            }
        }
        self
    }

    /// The same under another name.
    pub(crate) fn named(mut self, name: &str) -> Meta {
        self.0.insert("name".into(), name.into());
        self
    }

    /// The marker that deletes this object.
    pub(crate) fn deletion(&self) -> Meta {
        let mut fields = self.0.clone();
        for (name, value) in [("deleted", Json::Bool(true)), ("size", 0.into()), ("chunks", 0.into()), ("digest", "".into())] {
            fields.insert(name.into(), value);
        }
        Meta(fields)
    }

    /// The JSON that is published.
    pub(crate) fn json(&self) -> String {
        Json::Object(self.0.clone()).to_string()
    }

    fn text(&self, field: &str) -> &str {
        self.0.get(field).and_then(Json::as_str).unwrap_or_default()
    }

    fn count(&self, field: &str) -> u64 {
        self.0.get(field).and_then(Json::as_u64).unwrap_or_default()
    }

    /// Name of the object.
    pub(crate) fn name(&self) -> &str {
        self.text("name")
    }

    /// Bucket.
    pub(crate) fn bucket(&self) -> &str {
        self.text("bucket")
    }

    /// Name of its chunks.
    pub(crate) fn nuid(&self) -> &str {
        self.text("nuid")
    }

    /// Number of bytes.
    pub(crate) fn size(&self) -> u64 {
        self.count("size")
    }

    /// Number of chunks.
    pub(crate) fn chunks(&self) -> u64 {
        self.count("chunks")
    }

    /// Digest as written.
    pub(crate) fn digest(&self) -> &str {
        self.text("digest")
    }

    /// Description.
    pub(crate) fn description(&self) -> &str {
        self.text("description")
    }

    /// Whether this marks a deletion.
    pub(crate) fn is_deleted(&self) -> bool {
        self.0.get("deleted").and_then(Json::as_bool).unwrap_or_default()
    }

    /// A field that holds an object, without members that are null.
    pub(crate) fn object(&self, field: &str) -> Map<String, Json> {
        let mut fields = self.0.get(field).and_then(Json::as_object).cloned().unwrap_or_default();
        fields.retain(|_, value| !value.is_null());
        fields
    }

    /// Greatest number of bytes in a chunk, if the meta says it.
    pub(crate) fn chunk_size(&self) -> Option<u64> {
        self.0.get("options")?.get("max_chunk_size")?.as_u64().filter(|size| *size > 0)
    }

    /// Whether this is a link, to whatever.
    pub(crate) fn has_link(&self) -> bool {
        self.0.get("options").and_then(|options| options.get("link")).is_some_and(|link| !link.is_null())
    }

    /// What the link leads to; `None` if it names nothing that can be a bucket.
    pub(crate) fn link(&self) -> Option<Link> {
        let link = self.0.get("options")?.get("link")?;
        let text = |name: &str| link.get(name).and_then(Json::as_str).filter(|text| !text.is_empty()).map(str::to_string);
        Some(Link { bucket: text("bucket").filter(|bucket| is_bucket(bucket))?, name: text("name") })
    }

    /// Whether there may be chunks.
    pub(crate) fn has_chunks(&self) -> bool {
        !self.is_deleted() && !self.has_link() && !self.nuid().is_empty()
    }

    /// Fields that nobody knows, in the writer's order.
    pub(crate) fn others(&self) -> impl Iterator<Item = (&String, &Json)> {
        self.0.iter().filter(|(name, _)| !FIELDS.contains(&name.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content() -> Content {
        Content { nuid: "N".into(), chunk_size: 10, size: 25, chunks: 3, digest: "SHA-256=x".into() }
    }

    #[test]
    fn written() {
        let about = About {
            description: Some("d".into()),
            headers: Some(json!({ "k": ["v1", "v2"] })),
            metadata: Some(json!({ "m": "1" })),
        };
        let meta = Meta::new("b", "a b", &about, &content());
        let wanted = json!({
            "name": "a b", "options": { "max_chunk_size": 10 }, "bucket": "b", "nuid": "N", "size": 25, "chunks": 3,
            "digest": "SHA-256=x", "description": "d", "headers": { "k": ["v1", "v2"] }, "metadata": { "m": "1" },
        });
        assert_eq!(meta.json().parse::<Json>().unwrap(), wanted);
        assert_eq!(Meta::parse(meta.json().as_bytes()), Some(meta));
    }

    #[test]
    fn nothing_absent_is_written() {
        let nothing = About { description: Some(String::new()), headers: Some(json!({})), metadata: None };
        let json = Meta::new("b", "n", &nothing, &content()).json();
        assert!(
            !json.contains("null") && !json.contains("description") && !json.contains("headers") && !json.contains("metadata")
        );
    }

    #[test]
    fn changed() {
        let about = About { description: Some("d".into()), headers: None, metadata: Some(json!({ "m": "1" })) };
        let meta = Meta::new("b", "n", &about, &content());
        let change = About { description: Some(String::new()), ..About::default() };
        let changed = meta.with(&change).named("o");
        assert_eq!((changed.name(), changed.description(), changed.nuid(), changed.size()), ("o", "", "N", 25));
        assert_eq!(Json::Object(changed.object("metadata")), json!({ "m": "1" }));
    }

    #[test]
    fn deleted() {
        let meta = Meta::new("b", "n", &About::default(), &content());
        let marker = meta.deletion();
        assert!(marker.is_deleted() && !marker.has_chunks() && meta.has_chunks());
        assert_eq!((marker.nuid(), marker.size(), marker.chunks(), marker.digest()), ("N", 0, 0, ""));
    }

    #[test]
    fn links() {
        let link = Link { bucket: "o".into(), name: Some("t".into()) };
        let meta = Meta::link_to("b", "n", "N", &link);
        assert!(meta.has_link() && !meta.has_chunks());
        assert_eq!(meta.link(), Some(link));
        let whole = Link { bucket: "o".into(), name: None };
        assert_eq!(Meta::link_to("b", "n", "N", &whole).link(), Some(whole));
        // As nats.js writes one.
        let js = Meta::parse(br#"{"name":"l","bucket":"b","options":{"link":{"bucket":"o","name":"t"}}}"#).unwrap();
        assert!(js.has_link() && js.nuid().is_empty() && js.size() == 0);
        let lost = Meta::parse(br#"{"name":"l","options":{"link":{"name":"t"}}}"#).unwrap();
        assert!(lost.has_link() && lost.link().is_none());
        let nowhere = Meta::parse(br#"{"name":"l","options":{"link":{"bucket":"a b","name":"t"}}}"#).unwrap();
        assert!(nowhere.has_link() && nowhere.link().is_none());
    }

    #[test]
    fn others_metas() {
        let meta = Meta::parse(br#"{"name":"\u00e9","mtime":"","headers":null,"nuid":"N","deleted":null,"x":{"y":1}}"#).unwrap();
        assert_eq!((meta.name(), meta.is_deleted(), meta.object("headers").len()), ("é", false, 0));
        let others: Vec<_> = meta.others().collect();
        assert_eq!(others, [(&"x".to_string(), &json!({ "y": 1 }))]);
        for bad in [
            "",
            "[]",
            "{}",
            r#"{"name":"n"}"#,
            r#"{"nuid":""}"#,
            r#"{"nuid":1}"#,
            r#"{"nuid":">"}"#,
            r#"{"nuid":"*"}"#,
            r#"{"nuid":"a.>"}"#,
            r#"{"nuid":"a b"}"#,
            r#"{"nuid":"N","size":"5","chunks":1}"#,
            r#"{"nuid":"N","size":5.0,"chunks":1}"#,
            r#"{"nuid":"N","size":-5,"chunks":1}"#,
            r#"{"nuid":"N","size":5,"chunks":true}"#,
            r#"{"nuid":"N","size":18446744073709551616,"chunks":1}"#,
        ] {
            assert_eq!(Meta::parse(bad.as_bytes()), None, "{bad}");
        }
    }
}
