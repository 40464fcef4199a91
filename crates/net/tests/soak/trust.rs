//! The certificate of all servers, and who trusts it.

use std::sync::OnceLock;

use ropewalk_net::tls::{TlsClient, TlsServer};

/// Both are made once: keys take their time.
fn both() -> &'static Result<(TlsServer, TlsClient), String> {
    static BOTH: OnceLock<Result<(TlsServer, TlsClient), String>> = OnceLock::new();
    BOTH.get_or_init(|| {
        let own = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()])
            .map_err(|error| error.to_string())?;
        let certificate = own.cert.pem();
        let server = TlsServer::from_pem(&certificate, own.key_pair.serialize_pem());
        let client = TlsClient::with_roots(&certificate);
        Ok((server.map_err(|error| error.to_string())?, client.map_err(|error| error.to_string())?))
    })
}

pub(crate) fn server() -> Result<TlsServer, String> {
    both().clone().map(|(server, _)| server)
}

pub(crate) fn client() -> Result<TlsClient, String> {
    both().clone().map(|(_, client)| client)
}
