//! How a far side's certificate is checked: against the system's authorities or a trunk's own, for the name that was
//! called (RFC 3261 §26.3.1, RFC 5922).

use crate::config::TrunkTls;
use crate::vocabulary::limits;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use std::fs::File;
use std::io::Read;
use std::sync::{Arc, OnceLock};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Ready to secure connections to one name.
#[derive(Clone)]
pub struct Tls {
    connector: TlsConnector,
    name: ServerName<'static>,
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
                Some(path) => Arc::new(authorities_of(path)?),
                None => system_authorities()?,
            };
            builder.with_root_certificates(roots).with_no_client_auth()
        } else {
            let unchecked = Arc::new(Unchecked(provider));
            builder.dangerous().with_custom_certificate_verifier(unchecked).with_no_client_auth()
        };
        Ok(Tls { connector: TlsConnector::from(Arc::new(config)), name })
    }

    /// The handshake.
    pub async fn over(&self, stream: TcpStream) -> Result<Box<TlsStream<TcpStream>>, String> {
        let secured = self.connector.connect(self.name.clone(), stream).await;
        secured.map(Box::new).map_err(|e| format!("no TLS with {}: {e}", self.name.to_str()))
    }
}

fn authorities_of(path: &str) -> Result<RootCertStore, String> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(limits::CONFIG_BYTES_MAX as u64).read_to_end(&mut bytes))
        .map_err(|e| format!("the authorities in {path} cannot be read: {e}"))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&bytes) {
        let certificate = certificate.map_err(|e| format!("{path} is no PEM file: {e}"))?;
        roots.add(certificate).map_err(|e| format!("{path} holds what is no certificate of an authority: {e}"))?;
    }
    if roots.is_empty() { Err(format!("{path} holds no certificate")) } else { Ok(roots) }
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
