//! A client's end of TLS that trusts every certificate and tells which one it was shown.

use std::{net::SocketAddr, sync::Arc};

use rustls::{
    ClientConfig, DigitallySignedStruct, SignatureScheme,
    client::{
        Resumption,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{answer::Broken, http1::Http1, http2::Http2, wait};

/// A connection after its handshake.
pub(crate) struct Secured {
    stream: TlsStream<TcpStream>,
}

impl Secured {
    /// Shakes hands, each time in full; `alpn` is what the client speaks.
    pub(crate) async fn connect(
        address: SocketAddr,
        name: &str,
        alpn: &[&str],
    ) -> Result<Self, Broken> {
        let mut config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("versions")
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anyone(provider())))
            .with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        // A resumed session would show no certificate.
        config.resumption = Resumption::disabled();
        let name = ServerName::try_from(name.to_owned()).expect("a host name");
        wait::within(async {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
            Ok(Self { stream })
        })
        .await
    }

    /// The certificate that the server showed.
    pub(crate) fn certificate(&self) -> Vec<u8> {
        let shown = self.stream.get_ref().1.peer_certificates().unwrap_or_default();
        shown.first().map(|der| der.to_vec()).unwrap_or_default()
    }

    /// What was agreed on.
    pub(crate) fn protocol(&self) -> String {
        let agreed = self.stream.get_ref().1.alpn_protocol().unwrap_or_default();
        String::from_utf8_lossy(agreed).into_owned()
    }

    pub(crate) fn http1(self) -> Http1 {
        Http1::over(Box::new(self.stream))
    }

    pub(crate) async fn http2(self) -> Result<Http2, Broken> {
        Http2::over(Box::new(self.stream), "https").await
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// Believes every name, and still demands that the server has the key.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
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
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
