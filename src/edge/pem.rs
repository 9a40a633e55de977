//! Certificates and keys from PEM files. What is wrong is said with what to write instead.

use crate::vocabulary::limits;
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::fs::File;
use std::io::Read;

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
