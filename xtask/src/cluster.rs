//! `cluster`: a real Kubernetes of one node for the tests, from package registries only.
//!
//! It runs in network, mount and process namespaces of its own, one for each user of the machine,
//! whichever checkout started it. The scripts in `conformance/cluster/` know how a node is made;
//! here is only when, and from what. What it runs on it is for its users to install.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use crate::cargo;

pub(crate) mod cache;
mod packages;
mod scenarios;
pub(crate) mod tools;

/// Runs one `cargo xtask cluster` command.
pub(crate) fn run(args: &[&str]) -> Result<bool> {
    let cluster = Cluster::open(&cargo::root()?)?;
    match args {
        ["up"] => cluster.up()?,
        ["down"] => cluster.down()?,
        ["status"] => return cluster.status(),
        ["load", images @ ..] if !images.is_empty() => {
            cluster.load(&images.iter().map(PathBuf::from).collect::<Vec<_>>())?;
        }
        ["judge"] => return scenarios::judge(&cluster),
        ["test", args @ ..] => return scenarios::run(&cluster, args),
        ["stop", component] => cluster.stop(component)?,
        ["start", component] => cluster.start(component)?,
        ["restart", component] => {
            cluster.stop(component)?;
            cluster.start(component)?;
        }
        ["kubectl", args @ ..] => return Err(cluster.command("kubectl")?.args(args).exec().into()),
        ["run", program, args @ ..] => {
            return Err(cluster.command(program)?.args(args).exec().into());
        }
        unknown => {
            bail!("`cluster {}` is not a command; see `cargo xtask help`", unknown.join(" "))
        }
    }
    Ok(true)
}

/// The cluster of this user, up or not.
pub(crate) struct Cluster {
    root: PathBuf,
    /// Keys, logs and process ids: OUT in the scripts.
    state: PathBuf,
}

impl Cluster {
    /// Finds out where it lies; starts nothing.
    pub(crate) fn open(root: &Path) -> Result<Self> {
        Ok(Self { root: root.to_path_buf(), state: cache::folder()?.join("cluster") })
    }

    /// The first process of the cluster's namespaces, while it runs.
    fn process(&self) -> Option<u32> {
        let id = fs::read_to_string(self.state.join("pid")).ok()?.trim().parse().ok()?;
        let line = fs::read(format!("/proc/{id}/cmdline")).ok()?;
        // The number may be another's by now.
        String::from_utf8_lossy(&line).contains("node.sh").then_some(id)
    }

    pub(crate) fn is_up(&self) -> bool {
        self.process().is_some()
    }

    /// Starts the cluster and returns when it is of use. One that is up is left alone.
    pub(crate) fn up(&self) -> Result<()> {
        let lock = fs::File::create(self.state.with_extension("lock"))?;
        lock.lock()?;
        if self.is_up() {
            println!("cluster: up already");
            return Ok(());
        }
        packages::ensure_installed()?;
        let tools = tools::cluster(&self.root)?;
        // What a crash or a failed start left.
        if self.state.join("outer.pid").exists() {
            self.script("down.sh")?;
        }
        if self.state.exists() {
            fs::remove_dir_all(&self.state)?;
        }
        self.lay_out(&tools)?;
        let started = self.script("up.sh");
        if started.is_err() {
            println!("cluster: the logs are in {}", self.state.join("logs").display());
        }
        started
    }

    /// Copies what it starts from, so that the cache may be cleared and the checkout may move on.
    fn lay_out(&self, tools: &tools::Tools) -> Result<()> {
        fs::create_dir_all(self.state.join("images"))?;
        fs::create_dir_all(self.state.join("manifests"))?;
        let programs = self.state.join("bin");
        fs::create_dir_all(&programs)?;
        fs::copy(tools.programs.join("kube"), programs.join("kube"))?;
        for name in tools::COMPONENTS.iter().chain(&["kubectl"]) {
            std::os::unix::fs::symlink("kube", programs.join(name))?;
        }
        for (number, image) in tools.images.iter().enumerate() {
            fs::copy(image, self.state.join(format!("images/{number}.tar")))?;
        }
        fs::copy(&tools.gateway_api, self.state.join("manifests/gateway-api.yaml"))?;
        let dns = self.root.join("conformance/cluster/dns.yaml");
        fs::copy(dns, self.state.join("manifests/dns.yaml"))?;
        Ok(())
    }

    /// Stops it and leaves nothing behind but its logs.
    pub(crate) fn down(&self) -> Result<()> {
        match self.state.join("outer.pid").exists() {
            true => self.script("down.sh"),
            false => {
                println!("cluster: not up");
                Ok(())
            }
        }
    }

    fn script(&self, name: &str) -> Result<()> {
        let mut command = Command::new(self.root.join("conformance/cluster").join(name));
        command.env("OUT", &self.state).env("BIN", self.state.join("bin"));
        command.env("IMAGES", self.state.join("images"));
        command.env("MANIFESTS", self.state.join("manifests"));
        let status = command.status().with_context(|| format!("{name} did not start"))?;
        ensure!(status.success(), "conformance/cluster/{name} failed");
        Ok(())
    }

    /// A command in the cluster's network, with the administrator's kubeconfig. It sees the files
    /// of this machine, and of the network only the cluster.
    pub(crate) fn command(&self, program: &str) -> Result<Command> {
        let process = self.process().context("no cluster is up: `cargo xtask cluster up`")?;
        let mut command = Command::new("nsenter");
        command.arg(format!("--target={process}")).args(["--net", "--", "env"]);
        let path = std::env::var("PATH").unwrap_or_default();
        command.arg(format!("PATH={}:{path}", self.state.join("bin").display()));
        command.arg(format!("KUBECONFIG={}", self.state.join("admin.kubeconfig").display()));
        command.arg(program);
        Ok(command)
    }

    /// Runs kubectl and gives back what it printed.
    pub(crate) fn kubectl(&self, args: &[&str]) -> Result<String> {
        let output = self.command("kubectl")?.args(args).output()?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("kubectl {} failed:\n{}", args.join(" "), said.trim_end());
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Gives image archives to the node; a name that is there already is replaced.
    pub(crate) fn load(&self, images: &[PathBuf]) -> Result<()> {
        for image in images {
            let image = image.canonicalize().with_context(|| format!("{}", image.display()))?;
            let mut command = self.inside("ctr")?;
            command.args(["--address", "/run/portcullis-cluster/run/containerd.sock"]);
            command.args(["--namespace", "k8s.io", "images", "import", "--digests=false"]);
            let output = command.arg(&image).output()?;
            let said = String::from_utf8_lossy(&output.stderr);
            ensure!(output.status.success(), "{}: {}", image.display(), said.trim_end());
            print!("{}", String::from_utf8_lossy(&output.stdout));
        }
        Ok(())
    }

    /// Gives an image of the node a second name.
    fn name_image(&self, image: &str, name: &str) -> Result<()> {
        let mut command = self.inside("ctr")?;
        command.args(["--address", "/run/portcullis-cluster/run/containerd.sock"]);
        command.args(["--namespace", "k8s.io", "images", "tag", "--force", image, name]);
        let output = command.output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{image} as {name}: {}", said.trim_end());
        Ok(())
    }

    /// A command that also sees the cluster's mounts and processes.
    fn inside(&self, program: &str) -> Result<Command> {
        let process = self.process().context("no cluster is up: `cargo xtask cluster up`")?;
        let mut command = Command::new("nsenter");
        command.arg(format!("--target={process}"));
        command.args(["--net", "--mount", "--pid", "--wdns=/", "--", program]);
        Ok(command)
    }

    /// Ends one component and keeps it from coming back.
    pub(crate) fn stop(&self, component: &str) -> Result<()> {
        let known = component == "containerd" || tools::COMPONENTS.contains(&component);
        ensure!(known, "`{component}` is none of containerd, {}", tools::COMPONENTS.join(", "));
        fs::write(self.state.join("stopped").join(component), "")?;
        let gone = || self.component(component).is_none();
        self.signal(component, "-TERM")?;
        // The API server would wait a minute for its watchers, which a test need not.
        if !poll(GRACE, gone) {
            self.signal(component, "-KILL")?;
        }
        self.wait(component, "end", gone)
    }

    fn signal(&self, component: &str, signal: &str) -> Result<()> {
        if let Some(process) = self.component(component) {
            self.inside("kill")?.args([signal, &process]).output()?;
        }
        Ok(())
    }

    /// Lets a stopped component run again.
    pub(crate) fn start(&self, component: &str) -> Result<()> {
        let mark = self.state.join("stopped").join(component);
        if mark.exists() {
            fs::remove_file(mark)?;
        }
        self.wait(component, "start", || self.component(component).is_some())?;
        if component == "kube-apiserver" {
            let ready =
                || self.kubectl(&["get", "--raw", "/readyz"]).is_ok_and(|said| said == "ok");
            self.wait(component, "become ready", ready)?;
        }
        Ok(())
    }

    /// The process id of a component, as the cluster counts.
    fn component(&self, name: &str) -> Option<String> {
        let id = fs::read_to_string(self.state.join("pids").join(name)).ok()?;
        Some(id.trim().to_owned()).filter(|id| !id.is_empty())
    }

    fn wait(&self, component: &str, what: &str, done: impl Fn() -> bool) -> Result<()> {
        let started = Instant::now();
        ensure!(
            poll(PATIENCE, done),
            "{component} did not {what} within {} s; its log is in {}",
            PATIENCE.as_secs(),
            self.state.join("logs").display()
        );
        println!("cluster: {component}: {what} took {:.1} s", started.elapsed().as_secs_f64());
        Ok(())
    }

    fn status(&self) -> Result<bool> {
        if !self.is_up() {
            println!("cluster: not up");
            return Ok(false);
        }
        for name in tools::COMPONENTS.iter().chain(&["containerd"]) {
            let state = self.component(name).map_or("stopped", |_| "runs");
            println!("{name:<24} {state}");
        }
        println!("kubeconfig: {}", self.state.join("admin.kubeconfig").display());
        println!("logs:       {}", self.state.join("logs").display());
        print!("{}", self.kubectl(&["get", "nodes,pods", "--all-namespaces"])?);
        Ok(true)
    }
}

/// Looks again and again until it is done or time is up, and says which.
fn poll(limit: Duration, done: impl Fn() -> bool) -> bool {
    let started = Instant::now();
    loop {
        if done() {
            return true;
        }
        if started.elapsed() > limit {
            return false;
        }
        thread::sleep(PAUSE);
    }
}

/// How long a component may take to end or to start.
const PATIENCE: Duration = Duration::from_secs(90);
/// How long it may take to end by itself.
const GRACE: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_millis(50);
