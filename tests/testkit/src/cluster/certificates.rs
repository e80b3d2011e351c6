//! The certificates and keys of one control plane, made anew for each.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose,
};
use serde_json::json;

use super::error::Error;

/// The files that the programs are started with.
pub(super) struct Certificates {
    /// Signs the API server's certificate; in every kubeconfig.
    pub server_ca: PathBuf,
    pub server_certificate: PathBuf,
    pub server_key: PathBuf,
    /// Whoever it signed is who the certificate says.
    pub client_ca: PathBuf,
    pub service_account_key: PathBuf,
    pub service_account_public_key: PathBuf,
    server_ca_pem: String,
    admin: Pair,
}

struct Pair {
    certificate: String,
    key: String,
}

impl Certificates {
    /// Makes them in this folder.
    pub fn create(folder: &Path) -> Result<Self, Error> {
        let (server_ca, server_issuer) = authority("apio-test-server-ca")?;
        let (client_ca, client_issuer) = authority("apio-test-client-ca")?;
        let names = ["127.0.0.1", "localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"];
        let mut server = CertificateParams::new(names.map(String::from))?;
        server.distinguished_name = subject("kube-apiserver", None);
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let server = signed(server, &server_issuer)?;
        let mut admin = CertificateParams::default();
        admin.distinguished_name = subject("admin", Some("system:masters"));
        admin.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let admin = signed(admin, &client_issuer)?;
        let service_account = KeyPair::generate()?;

        let write = |name: &str, content: &str| {
            let path = folder.join(name);
            fs::write(&path, content).map_err(Error::io("write", &path)).map(|()| path)
        };
        Ok(Self {
            server_ca: write("server-ca.crt", &server_ca.pem())?,
            server_certificate: write("server.crt", &server.certificate)?,
            server_key: write("server.key", &server.key)?,
            client_ca: write("client-ca.crt", &client_ca.pem())?,
            service_account_key: write("service-account.key", &service_account.serialize_pem())?,
            service_account_public_key: write("service-account.pub", &service_account.public_key_pem())?,
            server_ca_pem: server_ca.pem(),
            admin,
        })
    }

    /// A kubeconfig (JSON is YAML) that holds all it needs and acts as a member of system:masters.
    pub fn admin_kubeconfig(&self, server: &str) -> String {
        json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": {
                "server": server,
                "certificate-authority-data": BASE64_STANDARD.encode(&self.server_ca_pem),
            }}],
            "users": [{"name": "admin", "user": {
                "client-certificate-data": BASE64_STANDARD.encode(&self.admin.certificate),
                "client-key-data": BASE64_STANDARD.encode(&self.admin.key),
            }}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "admin"}}],
            "current-context": "test",
        })
        .to_string()
    }
}

fn authority(name: &str) -> Result<(Certificate, Issuer<'static, KeyPair>), Error> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::default();
    params.distinguished_name = subject(name, None);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    Ok((params.self_signed(&key)?, Issuer::new(params, key)))
}

fn signed(params: CertificateParams, issuer: &Issuer<'_, KeyPair>) -> Result<Pair, Error> {
    let key = KeyPair::generate()?;
    Ok(Pair { certificate: params.signed_by(&key, issuer)?.pem(), key: key.serialize_pem() })
}

fn subject(name: &str, organization: Option<&str>) -> DistinguishedName {
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, name);
    if let Some(organization) = organization {
        subject.push(DnType::OrganizationName, organization);
    }
    subject
}
