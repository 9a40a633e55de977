//! Certificates and keys from PEM files. What is wrong is said with what to write instead.

use crate::config::web_file::Piece;
use crate::vocabulary::limits;
use rustls::RootCertStore;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::fs::File;
use std::io::Read;

/// What is wrong with a file of the configuration, and what to write.
pub(super) fn look(piece: Piece, path: &str) -> Result<(), (String, String)> {
    match piece {
        Piece::Certificates => certificates(path).map(drop),
        Piece::Authorities => authorities(path).map(drop),
        Piece::Key { cert } => {
            let key = private_key(path)?;
            let Some(cert) = cert else { return Ok(()) };
            let wrong = |e: rustls::Error| {
                (
                    format!("the key {path} is not the key of {cert}: {e}"),
                    "write the key of this certificate".to_string(),
                )
            };
            let signing = ring::sign::any_supported_type(&key).map_err(wrong)?;
            rustls::sign::CertifiedKey::new(certificates(cert)?, signing).keys_match().map_err(wrong)
        }
    }
}

fn bytes(path: &str) -> Result<Vec<u8>, (String, String)> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(limits::CONFIG_BYTES_MAX as u64).read_to_end(&mut bytes))
        .map_err(|e| (format!("{path} cannot be read: {e}"), "write the path of a PEM file that can be read".into()))?;
    Ok(bytes)
}

pub(super) fn certificates(path: &str) -> Result<Vec<CertificateDer<'static>>, (String, String)> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes(path)?).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err((format!("{path} holds no certificate"), "write the path of a PEM file with certificates".into())),
        Err(e) => Err((format!("{path} is no PEM file: {e}"), "write the path of a PEM file with certificates".into())),
    }
}

pub(super) fn private_key(path: &str) -> Result<PrivateKeyDer<'static>, (String, String)> {
    PrivateKeyDer::from_pem_slice(&bytes(path)?)
        .map_err(|e| (format!("{path} holds no private key: {e}"), "write the path of a PEM file with the key".into()))
}

pub(super) fn authorities(path: &str) -> Result<RootCertStore, (String, String)> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(|e| {
            (format!("{path} holds what is no authority: {e}"), "write a PEM file of authorities".into())
        })?;
    }
    Ok(roots)
}
