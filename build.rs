//! Finds Tcl through `tclConfig.sh` and makes the bindings to `tcl.h` and `tclOO.h`.
//!
//! The feature `tcl9` says for which major version: 8 without, 9 with it; the package `nats-tcl9` has it always. `tools/find-tcl.sh`
//! looks for it; `TCL_CONFIG` names other places. `NATS_SYSROOT` names a folder with another C library to link against (tools/bindist.sh).

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// Says where the `tclConfig.sh` of a major version is; a path in the project.
const FINDER: &str = "tools/find-tcl.sh";

fn main() {
    for name in ["TCL_CONFIG", "LIBCLANG_PATH", "NATS_SYSROOT"] {
        println!("cargo::rerun-if-env-changed={name}");
    }
    println!("cargo::rustc-check-cfg=cfg(tcl9)");

    let major = if env::var_os("CARGO_FEATURE_TCL9").is_some() { "9" } else { "8" };
    let config_file = find_config(major);
    println!("cargo::rerun-if-changed={}", config_file.display());
    let config = read_config(&config_file);
    assert_eq!(config["TCL_MAJOR_VERSION"], major, "{} is of another Tcl", config_file.display());
    if major == "9" {
        println!("cargo::rustc-cfg=tcl9");
    }
    // `tests/soundness`, which shares this script, is no library that Tcl loads.
    if env::var("CARGO_PKG_NAME").is_ok_and(|name| name.starts_with("nats-tcl")) {
        link_library();
    }
    link_stubs(&config);
    make_bindings(&config);
}

/// Flags of the linker for the library.
fn link_library() {
    // With a running thread it must never be unmapped. Where the format has no such mark, `tcl::stay` asks the loader.
    let elf = env::var("CARGO_CFG_TARGET_FAMILY").as_deref() == Ok("unix")
        && env::var("CARGO_CFG_TARGET_VENDOR").as_deref() != Ok("apple");
    if elf {
        println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
    if let Some(root) = env::var("NATS_SYSROOT").ok().filter(|root| !root.is_empty()) {
        println!("cargo::rustc-cdylib-link-arg=--sysroot={root}");
        // Before the folder of Tcl's stub library, which has the C library of this machine.
        let folders = fs::read_dir(Path::new(&root).join("usr/lib")).expect("NATS_SYSROOT has usr/lib").flatten();
        for folder in folders.map(|entry| entry.path()).filter(|folder| folder.join("libc.so").exists()) {
            println!("cargo::rustc-link-search=native={}", folder.display());
        }
    }
}

fn find_config(major: &str) -> PathBuf {
    // The members of the workspace share this script.
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().find(|dir| dir.join(FINDER).is_file());
    let root = root.unwrap_or_else(|| panic!("{FINDER} is missing"));
    let finder = root.join(FINDER);
    // For unit tests that read files of the project.
    println!("cargo::rustc-env=PROJECT_ROOT={}", root.display());
    println!("cargo::rerun-if-changed={}", finder.display());
    let output = Command::new("sh").arg(&finder).arg(major).output().expect("sh runs");
    let text = String::from_utf8_lossy(&output.stdout);
    match text.lines().next() {
        Some(path) if output.status.success() => PathBuf::from(path),
        _ => panic!(
            "tclConfig.sh of Tcl {major} not found: install Tcl's headers (Debian: apt-get install tcl-dev), run `make tcl9` for Tcl 9, \
             or set TCL_CONFIG"
        ),
    }
}

/// The plain `NAME='value'` lines of the shell file; Debian's `/usr/lib/tclConfig.sh` sources another one.
fn read_config(file: &Path) -> HashMap<String, String> {
    let shell = format!(". '{}' && set", file.display());
    let output = Command::new("sh").arg("-c").arg(shell).output().expect("sh runs");
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines()
        .filter(|line| line.starts_with("TCL_"))
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_string(), value.trim_matches('\'').to_string()))
        .collect()
}

fn link_stubs(config: &HashMap<String, String>) {
    for word in config["TCL_STUB_LIB_SPEC"].split_whitespace() {
        if let Some(dir) = word.strip_prefix("-L") {
            println!("cargo::rustc-link-search=native={dir}");
        } else if let Some(name) = word.strip_prefix("-l") {
            println!("cargo::rustc-link-lib=static={name}");
        } else if let Some(path) = word.strip_suffix(".lib") {
            // A Tcl made by Microsoft's compiler names the file.
            let path = Path::new(path);
            if let Some(dir) = path.parent() {
                println!("cargo::rustc-link-search=native={}", dir.display());
            }
            println!("cargo::rustc-link-lib=static={}", path.file_name().unwrap_or_default().display());
        }
    }
}

fn make_bindings(config: &HashMap<String, String>) {
    let mut builder = bindgen::Builder::default()
        .header_contents("wrapper.h", "#include <tcl.h>\n#include <tclOO.h>\n")
        .clang_arg("-DUSE_TCL_STUBS")
        .clang_args(config["TCL_INCLUDE_SPEC"].split_whitespace())
        .allowlist_type("TclStubs|TclOOStubs|Tcl_ObjectMetadataType|Tcl_MethodType")
        .allowlist_var("tclStubsPtr|tclOOStubsPtr|TCL_OK|TCL_ERROR|TCL_RETURN|TCL_BREAK|TCL_CONTINUE")
        .allowlist_var("TCL_READABLE|TCL_WRITABLE|TCL_CLOSE_READ|TCL_CLOSE_WRITE|TCL_.*_EVENTS|TCL_DONT_WAIT|TCL_EVAL_.*|TCL_GLOBAL_ONLY|TCL_LEAVE_ERR_MSG|TCL_TRACE_.*")
        .allowlist_function("Tcl_InitStubs|TclOOInitializeStubs")
        .derive_debug(false)
        .layout_tests(false)
        .generate_comments(false);
    if let Some(dir) = compiler_headers() {
        builder = builder.clang_arg("-isystem").clang_arg(dir);
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")).join("tcl.rs");
    let bindings = builder.generate().expect("bindgen reads tcl.h");
    let text = bindings.to_string();
    fs::write(out, text).expect("OUT_DIR can be written");
}

/// PyPI's libclang comes without `stddef.h` and its like: lend it those of the C compiler.
fn compiler_headers() -> Option<String> {
    let compiler = cc::Build::new().try_get_compiler().ok()?;
    let output = compiler.to_command().arg("-print-file-name=include").output().ok()?;
    let dir = String::from_utf8(output.stdout).ok()?.trim().to_string();
    Path::new(&dir).is_dir().then_some(dir)
}
