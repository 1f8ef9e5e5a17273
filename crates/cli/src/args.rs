//! The command line as typed. What it means is decided in `cmd`.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::{Parser, Subcommand, ValueEnum};

/// A Kubernetes Gateway API implementation: controller, proxy and tools in one binary.
#[derive(Parser)]
#[command(
    name = "portcullis",
    version,
    max_term_width = 100,
    after_help = "Try it:\n  portcullis run examples/quickstart --echo"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Serve the Gateways and routes in files and folders; edits are served at once.
    #[command(after_help = RUN_EXAMPLES)]
    Run(Run),
    /// Run the Gateways of a cluster: read it, provision proxies, stream to them, write status.
    Controller(Controller),
    /// Serve what a controller in a cluster says.
    #[command(after_help = PROXY_EXAMPLES)]
    Proxy(Proxy),
    /// Say what is wrong with manifests; exits with 1 if anything is.
    #[command(after_help = CHECK_EXAMPLES)]
    Check(Check),
    /// Print what manifests become: what a proxy is told, or the status of each object.
    #[command(after_help = TRANSLATE_EXAMPLES)]
    Translate(Translate),
    /// Say where a request goes, and why not elsewhere.
    #[command(after_help = EXPLAIN_EXAMPLES)]
    Explain(Explain),
    /// Say how classes, Gateways and routes of a cluster are doing, and why not better.
    #[command(after_help = STATUS_EXAMPLES)]
    Status(Status),
    /// Print a completion script for a shell.
    #[command(after_help = COMPLETIONS_EXAMPLES)]
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
}

#[derive(clap::Args)]
pub(crate) struct Run {
    /// Files and folders with manifests (.yaml, .yml, .json).
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Answer for Services that have no address with an echo of what arrived.
    #[arg(long)]
    pub(crate) echo: bool,
    /// Add this to every listener's port at the socket, so that 80 and 443 work without root.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) port_offset: u16,
    /// Give each Gateway an address of its own from this network.
    #[arg(long, value_name = "CIDR")]
    pub(crate) address_pool: Option<ipnet::IpNet>,
    #[command(flatten)]
    pub(crate) traffic: Traffic,
}

/// How traffic is served, wherever the configuration comes from.
#[derive(clap::Args)]
pub(crate) struct Traffic {
    /// Where metrics, readiness and status are served; `off` for nowhere.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:15000", value_parser = admin)]
    pub(crate) admin: AdminAddress,
    /// Threads that serve traffic; one per core unless given.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) workers: Option<u16>,
    /// Where the access log goes: `stdout`, `off`, or a file.
    #[arg(long, value_name = "TARGET", default_value = "off")]
    pub(crate) access_log: String,
    /// How long new connections are still taken after SIGTERM.
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    pub(crate) drain_min: Duration,
    /// How long running requests may take to end after that.
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub(crate) drain_max: Duration,
}

#[derive(clap::Args)]
pub(crate) struct Proxy {
    /// Where the controller is. Its certificate must be for that name.
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) controller: String,
    /// The authorities that vouch for it, as a PEM file; read again at each connect.
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: PathBuf,
    /// The token that says which Gateway this proxy serves; read again at each connect.
    #[arg(long, value_name = "FILE")]
    pub(crate) token: PathBuf,
    /// A folder, best in memory, from which the last good state is served after a restart.
    #[arg(long, value_name = "DIR")]
    pub(crate) state_dir: Option<PathBuf>,
    /// Where readiness, liveness and metrics are served to others; `off` for nowhere.
    #[arg(long, value_name = "ADDR", default_value = "[::]:15001", value_parser = admin)]
    pub(crate) probe_address: AdminAddress,
    #[command(flatten)]
    pub(crate) traffic: Traffic,
}

/// The chart gives all of these; by hand they are wanted outside of a cluster only.
#[derive(clap::Args)]
pub(crate) struct Controller {
    /// GatewayClasses with this controllerName are served.
    #[arg(long, value_name = "NAME", default_value = api::names::CONTROLLER_NAME)]
    pub(crate) controller_name: String,
    /// The image of the proxies.
    #[arg(long, value_name = "IMAGE")]
    pub(crate) image: String,
    /// When nodes pull it.
    #[arg(long, value_name = "POLICY", default_value = "IfNotPresent")]
    pub(crate) image_pull_policy: String,
    /// What stands behind `<service>.<namespace>.svc.` in the DNS name of a Service.
    #[arg(long, value_name = "DOMAIN", default_value = "cluster.local")]
    pub(crate) cluster_domain: String,
    /// The Service in front of all replicas of the controller.
    #[arg(long, value_name = "NAME", default_value = "portcullis")]
    pub(crate) service: String,
    /// Where proxies are streamed to.
    #[arg(long, value_name = "ADDR", default_value = "[::]:15010")]
    pub(crate) stream: SocketAddr,
    /// Where probes and metrics are answered.
    #[arg(long, value_name = "ADDR", default_value = "[::]:15012")]
    pub(crate) probes: SocketAddr,
    /// The name of this replica's pod.
    #[arg(long, value_name = "NAME", env = "POD_NAME")]
    pub(crate) pod_name: String,
    /// Its namespace.
    #[arg(long, value_name = "NAMESPACE", env = "POD_NAMESPACE")]
    pub(crate) pod_namespace: String,
    /// Its uid, so that Events about it are found with it.
    #[arg(long, value_name = "UID", env = "POD_UID")]
    pub(crate) pod_uid: Option<String>,
    /// Where other pods reach it.
    #[arg(long, value_name = "ADDR", env = "POD_IP")]
    pub(crate) pod_ip: std::net::IpAddr,
}

#[derive(clap::Args)]
pub(crate) struct Check {
    /// Files and folders with manifests.
    #[arg(required_unless_present = "cluster", conflicts_with = "cluster", value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) view: ClusterView,
    /// Give each Gateway an address of its own from this network.
    #[arg(long, value_name = "CIDR", conflicts_with = "cluster")]
    pub(crate) address_pool: Option<ipnet::IpNet>,
    /// For people or for machines.
    #[arg(long, short, value_enum, default_value_t = Output::Table)]
    pub(crate) output: Output,
}

#[derive(clap::Args)]
pub(crate) struct Translate {
    /// Files and folders with manifests.
    #[arg(required_unless_present = "cluster", conflicts_with = "cluster", value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) view: ClusterView,
    /// What to print, as YAML.
    #[arg(long, value_enum)]
    pub(crate) to: Target,
    /// Give each Gateway an address of its own from this network.
    #[arg(long, value_name = "CIDR", conflicts_with = "cluster")]
    pub(crate) address_pool: Option<ipnet::IpNet>,
}

#[derive(clap::Args)]
pub(crate) struct Explain {
    /// Files and folders with manifests (none with --cluster), then a method and a URL.
    #[arg(required = true, num_args = 2.., value_names = ["PATH", "METHOD", "URL"])]
    pub(crate) words: Vec<String>,
    #[command(flatten)]
    pub(crate) view: ClusterView,
    /// A request header, `Name: value`; may be given several times.
    #[arg(long = "header", short = 'H', value_name = "K: V")]
    pub(crate) headers: Vec<String>,
    /// Which Gateway the request reaches, `namespace/name`; needed where several have the port.
    #[arg(long, value_name = "GATEWAY")]
    pub(crate) gateway: Option<String>,
    /// Give each Gateway an address of its own from this network.
    #[arg(long, value_name = "CIDR", conflicts_with = "cluster")]
    pub(crate) address_pool: Option<ipnet::IpNet>,
    /// For people or for machines.
    #[arg(long, short, value_enum, default_value_t = Output::Table)]
    pub(crate) output: Output,
}

/// A look at a cluster in place of files.
#[derive(clap::Args)]
pub(crate) struct ClusterView {
    /// Look at the cluster of the kubeconfig in place of files.
    #[arg(long)]
    pub(crate) cluster: bool,
    /// Which context of the kubeconfig, if not its current one.
    #[arg(long, value_name = "CONTEXT", requires = "cluster")]
    pub(crate) context: Option<String>,
    /// Whose classes to take as ours.
    #[arg(long, value_name = "NAME", requires = "cluster",
        default_value = api::names::CONTROLLER_NAME)]
    pub(crate) controller_name: String,
    /// The domain of the names of Services.
    #[arg(long, value_name = "DOMAIN", requires = "cluster", default_value = "cluster.local")]
    pub(crate) cluster_domain: String,
}

#[derive(clap::Args)]
pub(crate) struct Status {
    /// Only Gateways and routes of this namespace.
    #[arg(long, short, value_name = "NAMESPACE")]
    pub(crate) namespace: Option<String>,
    /// Which context of the kubeconfig, if not its current one.
    #[arg(long, value_name = "CONTEXT")]
    pub(crate) context: Option<String>,
    /// For people or for machines.
    #[arg(long, short, value_enum, default_value_t = Output::Table)]
    pub(crate) output: Output,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// A table.
    Table,
    /// JSON.
    Json,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Target {
    /// What a proxy is told.
    Ir,
    /// The status of each object.
    Status,
}

/// Where the admin server listens, if it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AdminAddress(pub(crate) Option<SocketAddr>);

fn admin(text: &str) -> Result<AdminAddress, String> {
    if text == "off" {
        return Ok(AdminAddress(None));
    }
    let address = text.parse().map_err(|_| "expected ADDRESS:PORT or `off`".to_owned())?;
    Ok(AdminAddress(Some(address)))
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "expected a number of seconds".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|_| "expected 0 or more seconds".to_owned())
}

const RUN_EXAMPLES: &str = "Examples:
  portcullis run examples/quickstart --echo
  portcullis run platform.yaml routes/ --port-offset 8000
  portcullis run manifests/ --address-pool 127.1.0.0/16 --access-log stdout";

const PROXY_EXAMPLES: &str = "Examples:
  portcullis proxy --controller portcullis.portcullis-system.svc:15010 \\
    --ca /etc/portcullis/ca.crt --token /var/run/portcullis/token --state-dir /var/lib/portcullis";

const CHECK_EXAMPLES: &str = "Examples:
  portcullis check manifests/
  portcullis check platform.yaml routes/ --output json
  portcullis check --cluster --context staging";

const TRANSLATE_EXAMPLES: &str = "Examples:
  portcullis translate manifests/ --to status
  portcullis translate manifests/ --to ir
  portcullis translate --cluster --to status";

const EXPLAIN_EXAMPLES: &str = "Examples:
  portcullis explain manifests/ GET http://app.example.com/api/v1/users
  portcullis explain platform.yaml routes/ GET https://api.example.com/ -H 'X-Beta-User: true'
  portcullis explain --cluster --gateway edge/public GET http://app.example.com/";

const STATUS_EXAMPLES: &str = "Examples:
  portcullis status
  portcullis status -n team-a --context staging
  portcullis status --output json";

const COMPLETIONS_EXAMPLES: &str = "Examples:
  portcullis completions bash > /etc/bash_completion.d/portcullis
  portcullis completions zsh > ~/.zfunc/_portcullis";

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn explain_takes_several_paths_before_method_and_url() {
        let args = Args::try_parse_from([
            "portcullis",
            "explain",
            "a",
            "b",
            "GET",
            "http://h/",
            "-H",
            "K: V",
        ]);
        let Ok(Args { command: Command::Explain(explain) }) = args else { panic!("not parsed") };
        assert_eq!(explain.words, ["a", "b", "GET", "http://h/"]);
    }
}
