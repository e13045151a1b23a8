//! Object store (NATS ADR-20): names, subjects, digests and chunks.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE};
use serde_json::Value as Json;

use super::names::is_bucket;

/// Size of chunks in bytes, unless the caller says otherwise.
pub(crate) const CHUNK_SIZE: u64 = 131_072;

/// Number of links that may follow each other.
pub(crate) const HOPS: u32 = 8;

const STREAM_PREFIX: &str = "OBJ_";

/// Name of the digest's algorithm.
const ALGORITHM: &str = "SHA-256";

/// Stream of a bucket.
pub(crate) fn stream_name(bucket: &str) -> String {
    format!("{STREAM_PREFIX}{bucket}")
}

/// Bucket of a stream; `None` if it is not one of a bucket.
pub(crate) fn bucket_of_stream(stream: &str) -> Option<&str> {
    stream.strip_prefix(STREAM_PREFIX).filter(|bucket| is_bucket(bucket))
}

/// What the stream of a bucket mirrors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mirror {
    /// Stream that is mirrored.
    pub stream: String,
    /// Its bucket, if it is that of one whose subjects stay as they are.
    pub bucket: Option<String>,
    /// Whether it is in another domain or account.
    pub is_elsewhere: bool,
}

/// What a stream mirrors, by its configuration.
pub(crate) fn mirror(config: &Json) -> Option<Mirror> {
    let mirror = config.get("mirror").filter(|mirror| mirror.is_object())?;
    let stream = mirror.get("name")?.as_str()?;
    let is_renamed = mirror.get("subject_transforms").and_then(Json::as_array).is_some_and(|all| !all.is_empty());
    let bucket = bucket_of_stream(stream).filter(|_| !is_renamed).map(str::to_string);
    Some(Mirror { stream: stream.to_string(), bucket, is_elsewhere: mirror.get("external").is_some_and(Json::is_object) })
}

/// Subject of the chunks of one object.
pub(crate) fn chunk_subject(bucket: &str, nuid: &str) -> String {
    format!("$O.{bucket}.C.{nuid}")
}

/// Subjects of all metas of a bucket.
pub(crate) fn meta_subjects(bucket: &str) -> String {
    format!("$O.{bucket}.M.>")
}

fn meta_subject_of_bytes(bucket: &str, name: &[u8]) -> String {
    format!("$O.{bucket}.M.{}", URL_SAFE.encode(name))
}

/// Subject of an object's meta.
pub(crate) fn meta_subject(bucket: &str, name: &str) -> String {
    meta_subject_of_bytes(bucket, name.as_bytes())
}

/// Whether nats.js makes another subject of a name.
pub(crate) fn has_two_places(name: &str) -> bool {
    !name.is_ascii() && name.chars().all(|c| u32::from(c) < 0x100)
}

/// Subject that nats.js makes of a name whose characters are all below U+0100, some of them not of ASCII: it takes each for a byte.
pub(crate) fn latin_meta_subject(bucket: &str, name: &str) -> Option<String> {
    if !has_two_places(name) {
        return None;
    }
    let bytes = name.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect::<Option<Vec<u8>>>()?;
    Some(meta_subject_of_bytes(bucket, &bytes))
}

/// The name in the subject of a meta, if it may have another subject as well.
pub(crate) fn name_of_two(subject: &str) -> Option<String> {
    let bytes = URL_SAFE.decode(subject.rsplit('.').next()?).ok()?;
    // Bytes that are UTF-8 by chance are rare, and so is the name that they would be.
    let name = String::from_utf8(bytes).unwrap_or_else(|error| error.as_bytes().iter().map(|&byte| char::from(byte)).collect());
    has_two_places(&name).then_some(name)
}

/// The digest in a meta.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Digest {
    /// There is none: old writers left it out.
    None,
    /// The SHA-256 of the content.
    Sha256([u8; 32]),
    /// Something else.
    Other,
}

impl Digest {
    /// Reads the field of a meta: base64 of either alphabet, padded or not.
    pub(crate) fn parse(text: &str) -> Digest {
        if text.is_empty() {
            return Digest::None;
        }
        let Some((_, value)) = text.split_once('=').filter(|(name, _)| name.eq_ignore_ascii_case(ALGORITHM)) else {
            return Digest::Other;
        };
        let value = value.trim_end_matches('=').replace('-', "+").replace('_', "/");
        match STANDARD_NO_PAD.decode(value).map(<[u8; 32]>::try_from) {
            Ok(Ok(bytes)) => Digest::Sha256(bytes),
            _ => Digest::Other,
        }
    }
}

/// The field of a meta for this SHA-256.
pub(crate) fn digest_text(sha256: &[u8]) -> String {
    format!("{ALGORITHM}={}", URL_SAFE.encode(sha256))
}

/// Size of chunks: what is wanted, but no more than a message can hold.
pub(crate) fn chunk_size(wanted: Option<u64>, max_payload: Option<u64>) -> u64 {
    let most = max_payload.filter(|most| *most > 0).unwrap_or(u64::MAX);
    wanted.unwrap_or(CHUNK_SIZE).clamp(1, most)
}

/// Number of unacknowledged bytes and chunks of an upload, and the least number of chunks whatever their size.
const WINDOW: (u64, usize, usize) = (4 << 20, 64, 2);

/// Whether a chunk of this size may be sent while so many chunks and bytes are not acknowledged.
pub(crate) fn may_send(chunks: usize, bytes: u64, size: u64) -> bool {
    let (most_bytes, most, least) = WINDOW;
    chunks < least || (chunks < most && bytes + size <= most_bytes)
}

/// Number of acknowledgements that may be missing while an object goes out in a fast batch.
pub(crate) const OUTSTANDING: u64 = 2;

/// Number of chunks of this size for which a fast batch wants an acknowledgement: the same window.
pub(crate) fn flow(chunk_size: u64) -> u64 {
    let (most_bytes, most, least) = WINDOW;
    (most_bytes / chunk_size.max(1)).clamp(least as u64, most as u64) / OUTSTANDING
}

/// Bytes that a download asks for ahead.
const AHEAD: u64 = 1 << 20;

/// Number of chunks of this size that a download asks for ahead.
pub(crate) fn window(chunk_size: u64) -> u64 {
    (AHEAD / chunk_size.max(1)).clamp(1, 256)
}

/// Place of a byte, given the offsets at which the chunks begin: number of the chunk, and offset in it. `None` behind the end.
pub(crate) fn place(starts: &[u64], size: u64, at: u64) -> Option<(usize, u64)> {
    if at >= size {
        return None;
    }
    let chunk = starts.partition_point(|start| *start <= at).checked_sub(1)?;
    Some((chunk, at - starts[chunk]))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names() {
        assert_eq!(stream_name("b"), "OBJ_b");
        assert_eq!(bucket_of_stream("OBJ_my-b_1"), Some("my-b_1"));
        assert_eq!((bucket_of_stream("OBJ_a.b"), bucket_of_stream("KV_b"), bucket_of_stream("OBJ_")), (None, None, None));
    }

    #[test]
    fn mirrors() {
        let of = |config: Json| mirror(&config).map(|found| (found.stream, found.bucket, found.is_elsewhere));
        let b = || Some("b".to_string());
        assert_eq!(of(json!({ "name": "OBJ_b" })), None);
        assert_eq!(of(json!({ "mirror": null })), None);
        assert_eq!(of(json!({ "mirror": { "name": "OBJ_b" } })), Some(("OBJ_b".to_string(), b(), false)));
        assert_eq!(
            of(json!({ "mirror": { "name": "OBJ_b", "external": { "api": "x" } } })),
            Some(("OBJ_b".to_string(), b(), true))
        );
        assert_eq!(of(json!({ "mirror": { "name": "S" } })), Some(("S".to_string(), None, false)));
        let renamed = json!({ "mirror": { "name": "OBJ_b", "subject_transforms": [{ "src": "$O.b.>", "dest": "$O.m.>" }] } });
        assert_eq!(of(renamed), Some(("OBJ_b".to_string(), None, false)));
    }

    #[test]
    fn subjects() {
        assert_eq!(chunk_subject("b", "N"), "$O.b.C.N");
        assert_eq!(meta_subjects("b"), "$O.b.M.>");
        assert_eq!(meta_subject("b", "a b"), "$O.b.M.YSBi");
        assert_eq!(meta_subject("b", "a"), "$O.b.M.YQ==");
        assert_eq!(meta_subject("b", "é"), "$O.b.M.w6k=");
        assert_eq!(meta_subject("b", "??>>"), "$O.b.M.Pz8-Pg==");
        assert_eq!(latin_meta_subject("b", "é").as_deref(), Some("$O.b.M.6Q=="));
        assert_eq!((latin_meta_subject("b", "e"), latin_meta_subject("b", "é€")), (None, None));
        for subject in [meta_subject("b", "a é"), latin_meta_subject("b", "a é").unwrap()] {
            assert_eq!(name_of_two(&subject).as_deref(), Some("a é"), "{subject}");
        }
        assert_eq!(
            (name_of_two(&meta_subject("b", "e")), name_of_two(&meta_subject("b", "é€")), name_of_two("$O.b.M.?")),
            (None, None, None)
        );
    }

    #[test]
    fn digests() {
        let empty = "SHA-256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU=";
        let Digest::Sha256(bytes) = Digest::parse(empty) else { panic!("not read") };
        assert_eq!(digest_text(&bytes), empty);
        for same in [
            "sha-256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU",
            "SHA-256=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
            "Sha-256=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU",
        ] {
            assert_eq!(Digest::parse(same), Digest::Sha256(bytes), "{same}");
        }
        assert_eq!(Digest::parse(""), Digest::None);
        for other in ["MD5=abc", "SHA-256", "SHA-256=", "SHA-256=47DE", "SHA-256=!", "x"] {
            assert_eq!(Digest::parse(other), Digest::Other, "{other}");
        }
    }

    #[test]
    fn sizes() {
        assert_eq!(chunk_size(None, Some(1 << 20)), CHUNK_SIZE);
        assert_eq!(chunk_size(None, Some(1000)), 1000);
        assert_eq!(chunk_size(Some(10), None), 10);
        assert_eq!(chunk_size(Some(1 << 30), Some(1 << 20)), 1 << 20);
        assert_eq!(chunk_size(Some(5), Some(0)), 5);
    }

    #[test]
    fn windows() {
        assert!(may_send(0, 0, 64 << 20) && may_send(1, 64 << 20, 64 << 20));
        assert!(!may_send(2, 8 << 20, 1));
        assert!(may_send(31, 31 << 17, 1 << 17) && !may_send(32, 32 << 17, 1 << 17));
        assert!(may_send(63, 63, 1) && !may_send(64, 64, 1));
        assert_eq!((flow(131_072), flow(1), flow(0), flow(64 << 20), flow(3 << 19)), (16, 32, 32, 1, 1));
        assert_eq!((window(131_072), window(1 << 20), window(1), window(0)), (8, 1, 256, 256));
    }

    #[test]
    fn places() {
        let starts = [0, 100, 200];
        for (at, found) in [(0, Some((0, 0))), (99, Some((0, 99))), (100, Some((1, 0))), (249, Some((2, 49))), (250, None)] {
            assert_eq!(place(&starts, 250, at), found, "{at}");
        }
        assert_eq!(place(&[], 0, 0), None);
    }
}
