//! The way to an API server: from a kubeconfig, or from what every pod finds in its place.

use kube::{
    Client, Config,
    config::{KubeConfigOptions, KubeconfigError},
};

/// Why there is no way to an API server.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The kubeconfig that was meant cannot be used.
    #[error("the kubeconfig cannot be used: {0}")]
    Kubeconfig(String),
    /// There is neither a kubeconfig nor a pod around.
    #[error(
        "there is no kubeconfig ($KUBECONFIG, or ~/.kube/config), and this is no pod of a cluster"
    )]
    Nowhere,
    /// What is configured cannot be used.
    #[error("the client of the API server cannot be made: {0}")]
    Client(String),
}

/// A client of the cluster that `context` of the kubeconfig names, or its current one. Without a
/// kubeconfig it is the cluster that we are a pod of. Nothing is asked yet.
///
/// # Errors
/// No cluster is configured, or wrongly.
pub async fn connect(context: Option<&str>) -> Result<Client, ConnectError> {
    let options = KubeConfigOptions { context: context.map(Into::into), ..Default::default() };
    let meant = context.is_some() || std::env::var_os("KUBECONFIG").is_some();
    let mut config = match Config::from_kubeconfig(&options).await {
        Ok(config) => config,
        Err(error) if meant || !is_missing(&error) => {
            return Err(ConnectError::Kubeconfig(error.to_string()));
        }
        Err(_) => Config::incluster().map_err(|_| ConnectError::Nowhere)?,
    };
    // Whoever asks knows best what is worth another attempt, and when.
    config.default_retry = false;
    Client::try_from(config).map_err(|error| ConnectError::Client(error.to_string()))
}

/// Whether there is no file at all.
fn is_missing(error: &KubeconfigError) -> bool {
    match error {
        KubeconfigError::FindPath => true,
        KubeconfigError::ReadConfig(error, _) => error.kind() == std::io::ErrorKind::NotFound,
        _ => false,
    }
}
