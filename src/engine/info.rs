//! The server's INFO as far as the wire library gives it.

/// Fields of a server's INFO under the names of the protocol; what the server did not send is `None`.
///
/// Source: NATS client protocol, INFO.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Info {
    /// Unique id of the server.
    pub server_id: Option<String>,
    /// Configured name of the server.
    pub server_name: Option<String>,
    /// Version of the server.
    pub version: Option<String>,
    /// Go version the server was built with.
    pub go: Option<String>,
    /// Protocol version.
    pub proto: i64,
    /// Host the server listens on.
    pub host: Option<String>,
    /// Port the server listens on.
    pub port: u16,
    /// Largest payload plus headers, in bytes.
    pub max_payload: usize,
    /// Our number at the server.
    pub client_id: Option<u64>,
    /// Our address as the server sees it.
    pub client_ip: Option<String>,
    /// Whether headers are understood.
    pub headers: bool,
    /// Whether credentials are wanted.
    pub auth_required: bool,
    /// Whether TLS is wanted.
    pub tls_required: bool,
    /// Whether the server has JetStream.
    pub jetstream: bool,
    /// Challenge for NKey authentication.
    pub nonce: Option<String>,
    /// Whether the server is about to shut down (lame duck mode).
    pub ldm: bool,
    /// `host:port` of the cluster's servers.
    pub connect_urls: Vec<String>,
    /// Name of the cluster.
    pub cluster: Option<String>,
    /// JetStream domain.
    pub domain: Option<String>,
}
