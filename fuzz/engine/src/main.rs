//! All fuzz targets in one program, so that everything is linked once. `FUZZ_TARGET` names the one
//! to run, and `FUZZ_SEEDS` a folder into which its seeds are written first; the rest is
//! libFuzzer's.
#![no_main]

use std::{env, fs, path::PathBuf, sync::OnceLock};

use libfuzzer_sys::fuzz_target;
use targets::Target;

static TARGET: OnceLock<&Target> = OnceLock::new();

fuzz_target!(init: choose(), |data: &[u8]| {
    if let Some(target) = TARGET.get() {
        (target.run)(data);
    }
});

fn choose() {
    let name = env::var("FUZZ_TARGET").expect("FUZZ_TARGET names the target");
    let target = targets::find(&name).expect("FUZZ_TARGET is one of the targets");
    TARGET.set(target).ok().expect("this runs once");
    if let Some(folder) = env::var_os("FUZZ_SEEDS").map(PathBuf::from) {
        fs::create_dir_all(&folder).expect("the folder for seeds can be made");
        for (index, seed) in (target.seeds)().iter().enumerate() {
            fs::write(folder.join(format!("seed-{index:03}")), seed)
                .expect("a seed can be written");
        }
    }
}
