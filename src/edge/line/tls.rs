//! How a far side's certificate is checked: against the system's authorities or a trunk's own, for the name that was
//! called (RFC 3261 §26.3.1, RFC 5922); and what whoever connects to us is shown.

use crate::config::TrunkTls;
use crate::edge::pem::{authorities, certificates, private_key};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, ServerConfig, SignatureScheme};
use std::io;
use std::sync::{Arc, OnceLock};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

/// Ready to secure connections to one name.
#[derive(Clone)]
pub struct Tls {
    connector: TlsConnector,
    name: ServerName<'static>,
    /// With a certificate of our own.
    acceptor: Option<TlsAcceptor>,
}

impl Tls {
    /// For a far side that is called by `host`. The error is in words for people.
    pub fn towards(host: &str, wanted: &TrunkTls) -> Result<Tls, String> {
        let name = wanted.server_name.as_deref().unwrap_or(host).trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(name.to_string()).map_err(|_| format!("{name} is no name of a server"))?;
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|e| e.to_string())?;
        let config = if wanted.verify {
            let roots = match &wanted.ca {
                Some(path) => Arc::new(authorities(path).map_err(said)?),
                None => system_authorities()?,
            };
            builder.with_root_certificates(roots)
        } else {
            let unchecked = Arc::new(Unchecked(provider.clone()));
            builder.dangerous().with_custom_certificate_verifier(unchecked)
        };
        let Some(shown) = &wanted.shown else {
            let connector = TlsConnector::from(Arc::new(config.with_no_client_auth()));
            return Ok(Tls { connector, name, acceptor: None });
        };
        let chain = certificates(&shown.certificate).map_err(said)?;
        let key = private_key(&shown.key).map_err(said)?;
        let wrong = |e| format!("{} is not the key of {}: {e}", shown.key, shown.certificate);
        let server = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|e| e.to_string())?
            .with_no_client_auth()
            .with_single_cert(chain.clone(), key.clone_key())
            .map_err(wrong)?;
        let config = config.with_client_auth_cert(chain, key).map_err(wrong)?;
        let acceptor = Some(TlsAcceptor::from(Arc::new(server)));
        Ok(Tls { connector: TlsConnector::from(Arc::new(config)), name, acceptor })
    }

    /// Connections to us can be answered.
    pub fn accepts(&self) -> bool {
        self.acceptor.is_some()
    }

    /// The handshake.
    pub async fn over(&self, stream: TcpStream) -> Result<Box<client::TlsStream<TcpStream>>, String> {
        let secured = self.connector.connect(self.name.clone(), stream).await;
        secured.map(Box::new).map_err(|e| format!("no TLS with {}: {}", self.name.to_str(), words(&e)))
    }

    /// The handshake of somebody who connected to us.
    pub async fn under(&self, stream: TcpStream) -> Result<Box<server::TlsStream<TcpStream>>, String> {
        let acceptor = self.acceptor.as_ref().ok_or("there is no certificate to show")?;
        acceptor.accept(stream).await.map(Box::new).map_err(|e| e.to_string())
    }
}

/// Why a connection failed. What a far side has against us it says in one word (RFC 8446 §6.2), often after the handshake.
pub fn words(error: &io::Error) -> String {
    use rustls::AlertDescription as Alert;
    const SHOW: &str = "a certificate of ours (tls: { certificate: FILE, key: FILE })";
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let Some(rustls::Error::AlertReceived(alert)) = inner else { return error.to_string() };
    match alert {
        Alert::CertificateRequired | Alert::NoCertificate => format!("the far side wants to see {SHOW}"),
        Alert::BadCertificate
        | Alert::UnsupportedCertificate
        | Alert::CertificateRevoked
        | Alert::CertificateExpired
        | Alert::CertificateUnknown
        | Alert::UnknownCA
        | Alert::AccessDenied => format!("the far side does not take our certificate ({alert:?})"),
        // What OpenSSL says under TLS 1.2 to who shows none.
        Alert::HandshakeFailure => format!("the far side broke off TLS; it may want to see {SHOW}"),
        _ => error.to_string(),
    }
}

/// The complaint alone.
fn said((what, _): (String, String)) -> String {
    what
}

/// Read once: there are more than a hundred.
fn system_authorities() -> Result<Arc<RootCertStore>, String> {
    static ROOTS: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    let roots = ROOTS.get_or_init(|| {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        Arc::new(roots)
    });
    if roots.is_empty() {
        let write = "install the package ca-certificates, or write tls: { ca: FILE } beside the trunk's server";
        return Err(format!("this machine knows no certificate authorities; {write}"));
    }
    Ok(roots.clone())
}

/// `verify: false`: whoever answers is taken for the far side. The handshake itself is checked all the same.
#[derive(Debug)]
struct Unchecked(Arc<CryptoProvider>);

impl ServerCertVerifier for Unchecked {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
