//! The programs, images and manifests that the cluster and the suite are made of.
//!
//! Versions are where Go keeps them: `conformance/*/go.mod`. Everything comes through the module
//! proxy, is built here once and then lies in the cache; a second run needs no Go at all.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

use super::cache;
use crate::image::archive::{self, Image};

/// One Go module of ours below `conformance/`.
pub(crate) struct Module {
    folder: PathBuf,
    key: String,
}

impl Module {
    fn open(root: &Path, name: &str) -> Result<Self> {
        let folder = root.join("conformance").join(name);
        let key = cache::key(&folder, &[BUILD_FLAGS, LINK_FLAGS])?;
        Ok(Self { folder, key })
    }

    fn keep(
        &self,
        stem: &str,
        extension: &str,
        build: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<PathBuf> {
        cache::keep(stem, &self.key, extension, build)
    }

    /// Runs Go in the module and gives back what it printed.
    fn go(&self, args: &[&str]) -> Result<String> {
        let mut command = Command::new("nice");
        command.arg("go").args(args).current_dir(&self.folder);
        // Statically linked, the same from any folder, with the toolchain that the module asks for.
        command.env("CGO_ENABLED", "0").env("GOFLAGS", BUILD_FLAGS);
        command.env("GOTOOLCHAIN", "auto").env("GOWORK", "off");
        let output = command.output().context("nice go did not start")?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let missing = if output.status.code() == Some(127) { GO_IS_MISSING } else { "" };
            bail!("go {} failed{missing}:\n{}", args.join(" "), said.trim_end());
        }
        String::from_utf8(output.stdout).context("go did not print UTF-8")
    }

    fn build(&self, package: &str, to: &Path, link_flags: &str) -> Result<()> {
        let to = to.to_str().context("the cache folder's path is not UTF-8")?;
        self.go(&["build", "-ldflags", link_flags, "-o", to, package]).map(|_| ())
    }

    /// An image with one program of the module.
    fn image(&self, program: &str, package: &str, names: &[String]) -> Result<PathBuf> {
        let binary = self.keep(program, "", |to| self.build(package, to, LINK_FLAGS))?;
        let entrypoint = format!("/{program}");
        let image = Image { names, entrypoint: &entrypoint, program: &binary };
        self.keep(program, ".tar", |to| archive::write(to, &image))
    }

    /// The version and folder of a module that this one requires.
    fn required(&self, module: &str) -> Result<(String, PathBuf)> {
        self.go(&["mod", "download", module])?;
        let printed = self.go(&["list", "-m", "-f", "{{.Version}} {{.Dir}}", module])?;
        let (version, folder) =
            printed.trim().split_once(' ').with_context(|| format!("{module} has no folder"))?;
        Ok((version.to_owned(), PathBuf::from(folder)))
    }
}

const BUILD_FLAGS: &str = "-trimpath -buildvcs=false";
const LINK_FLAGS: &str = "-s -w";
const GO_IS_MISSING: &str = " (is Go 1.26 or newer installed and in PATH?)";

/// What a cluster is started with.
pub(crate) struct Tools {
    /// Holds `kube` under the name of each component.
    pub(crate) programs: PathBuf,
    pub(crate) images: Vec<PathBuf>,
    /// The custom resource definitions of the Gateway API, experimental channel.
    pub(crate) gateway_api: PathBuf,
}

/// Builds what a cluster needs, or finds it in the cache.
pub(crate) fn cluster(root: &Path) -> Result<Tools> {
    let kube = Module::open(root, "cluster")?;
    let dns = Module::open(root, "coredns")?;
    let suite = Module::open(root, "suite")?;
    let programs = kube.keep("kube", "", |to| build_kube(&kube, to))?;
    let images = vec![
        kube.image("pause", "./pause", &["localhost/pause:1".to_owned()])?,
        dns.image("coredns", ".", &["localhost/coredns:1".to_owned()])?,
        echo_image(&suite)?,
    ];
    let gateway_api = suite.keep("gateway-api", ".yaml", |to| {
        let (_, module) = suite.required("sigs.k8s.io/gateway-api")?;
        let mut kubectl = Command::new(programs.join("kubectl"));
        let output = kubectl.arg("kustomize").arg(module.join("config/crd/experimental")).output();
        let output = output.context("kubectl did not start")?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(fs::write(to, output.stdout)?)
    })?;
    Ok(Tools { programs, images, gateway_api })
}

/// Helm, for those who render or install the chart.
pub(crate) fn helm(root: &Path) -> Result<PathBuf> {
    let helm = Module::open(root, "helm")?;
    helm.keep("helm", "", |to| helm.build("helm.sh/helm/v4/cmd/helm", to, LINK_FLAGS))
}

/// What tests HTTP/2.
pub(crate) struct H2spec {
    pub(crate) program: PathBuf,
    /// A Secret with a certificate for the listener under test.
    pub(crate) secret: PathBuf,
}

/// Builds h2spec, or finds it in the cache.
pub(crate) fn h2spec(root: &Path) -> Result<H2spec> {
    let module = Module::open(root, "h2spec")?;
    let program = module.keep("h2spec", "", |to| {
        module.build("github.com/summerwind/h2spec/cmd/h2spec", to, LINK_FLAGS)
    })?;
    let secret = module.keep("h2spec-secret", ".yaml", |to| {
        Ok(fs::write(to, module.go(&["run", "./secret"])?)?)
    })?;
    Ok(H2spec { program, secret })
}

/// The conformance suite.
pub(crate) struct Suite {
    pub(crate) program: PathBuf,
    /// Its profiles and tests, as JSON.
    pub(crate) listing: PathBuf,
}

/// Builds the suite, or finds it in the cache.
pub(crate) fn suite(root: &Path) -> Result<Suite> {
    let suite = Module::open(root, "suite")?;
    let program = suite.keep("conformance", ".test", |to| {
        let to = to.to_str().context("the cache folder's path is not UTF-8")?;
        suite.go(&["test", "-c", "-ldflags", LINK_FLAGS, "-o", to, "."]).map(|_| ())
    })?;
    let listing = suite
        .keep("listing", ".json", |to| Ok(fs::write(to, suite.go(&["run", "./listing"])?)?))?;
    Ok(Suite { program, listing })
}

/// One binary of some 140 MB; linked apart, the components would take six times that.
fn build_kube(kube: &Module, to: &Path) -> Result<()> {
    let version = kube.go(&["list", "-m", "-f", "{{.Version}}", "k8s.io/kubernetes"])?;
    let version = version.trim();
    let minor = version.split('.').nth(1).context("k8s.io/kubernetes has no minor version")?;
    // Without these the components call themselves v0.0.0-master, and clients believe it.
    let stamp = format!(
        "{LINK_FLAGS} -X {STAMP}.gitVersion={version} -X {STAMP}.gitMajor=1 \
         -X {STAMP}.gitMinor={minor} -X {STAMP}.gitTreeState=clean \
         -X {STAMP}.buildDate=1970-01-01T00:00:00Z"
    );
    fs::create_dir_all(to)?;
    kube.build("./kube", &to.join("kube"), &stamp)?;
    for name in COMPONENTS.iter().chain(&["kubectl"]) {
        symlink("kube", to.join(name))?;
    }
    Ok(())
}

const STAMP: &str = "k8s.io/component-base/version";

/// What `kube` can be, apart from kubectl; containerd is the one component that is not ours.
pub(super) const COMPONENTS: &[&str] = &[
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "kube-proxy",
    "kube-lb",
];

/// The suite's backend, under every tag that the suite's manifests name.
fn echo_image(suite: &Module) -> Result<PathBuf> {
    let binary = suite.keep("echo-basic", "", |to| {
        suite.build("sigs.k8s.io/gateway-api-conformance-images/echo-basic", to, LINK_FLAGS)
    })?;
    suite.keep("echo-basic", ".tar", |to| {
        let (_, module) = suite.required("sigs.k8s.io/gateway-api/conformance")?;
        let names = image_names(&[module.join("base"), module.join("tests")])?;
        archive::write(to, &Image { names: &names, entrypoint: "/echo-basic", program: &binary })
    })
}

const ECHO: &str = "registry.k8s.io/gateway-api/conformance/echo-basic:";

fn image_names(folders: &[PathBuf]) -> Result<Vec<String>> {
    let mut names = std::collections::BTreeSet::new();
    for folder in folders {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let Ok(text) = fs::read_to_string(&path) else { continue };
            for (at, _) in text.match_indices(ECHO) {
                let rest = &text[at..];
                let end = rest.find(|c: char| c.is_whitespace() || c == '"').unwrap_or(rest.len());
                names.insert(rest[..end].to_owned());
            }
        }
    }
    ensure!(!names.is_empty(), "the suite's manifests name no `{ECHO}` image");
    Ok(names.into_iter().collect())
}
