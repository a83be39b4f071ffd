//! Compiles the source release into a static library with nothing but a C compiler, once per version, target and flags.

use crate::{cache, release};
use sha2::{Digest, Sha256};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

const FLAGS: &[&str] = &["-std=gnu11", "-fno-strict-aliasing"];
const DEFINES: &[(&str, Option<&str>)] = &[("_GNU_SOURCE", None), ("NDEBUG", None)];

/// The tags that the release's file list gives to files of one processor.
const X86: &str = "X86_HOST";
const ARM: &str = "ARM64_HOST";

/// `wiredtiger_config.h` for Linux with glibc. The one built-in extension is the hook in `csrc/shim.c`.
const CONFIG: &str = "\
#define HAVE_BUILTIN_EXTENSION_ZSTD 1
#define HAVE_CLOCK_GETTIME 1
#define HAVE_DLFCN_H 1
#define HAVE_FALLOCATE 1
#define HAVE_FDATASYNC 1
#define HAVE_GETTIMEOFDAY 1
#define HAVE_INTTYPES_H 1
#define HAVE_LIBDL 1
#define HAVE_LIBPTHREAD 1
#define HAVE_LIBRT 1
#define HAVE_MEMORY_H 1
#define HAVE_POSIX_FADVISE 1
#define HAVE_POSIX_FALLOCATE 1
#define HAVE_POSIX_MADVISE 1
#define HAVE_POSIX_MEMALIGN 1
#define HAVE_PTHREAD_COND_MONOTONIC 1
#define HAVE_SETRLIMIT 1
#define HAVE_STDINT_H 1
#define HAVE_STDLIB_H 1
#define HAVE_STRINGS_H 1
#define HAVE_STRING_H 1
#define HAVE_STRTOUQ 1
#define HAVE_SYNC_FILE_RANGE 1
#define HAVE_SYS_STAT_H 1
#define HAVE_TIMER_CREATE 1
#define HAVE_UNISTD_H 1
#define SPINLOCK_TYPE SPINLOCK_PTHREAD_MUTEX
#define WT_BUFFER_ALIGNMENT_DEFAULT 4096
#define WT_STANDALONE_BUILD 1
#ifdef __x86_64__
#define HAVE_X86INTRIN_H 1
#endif
";

const HEADER_INCLUDES: &str = "\
#include <sys/types.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>";

/// The prefix of the compiled library in the cache; compiles it first if it is not there.
pub fn cached_build() -> Result<PathBuf, String> {
    let target = env::var("TARGET").map_err(|error| format!("TARGET: {error}"))?;
    let cpu_tag = cpu_tag(&target)?;
    let cache_folder = cache::folder()?;
    let name = format!("wiredtiger-{}-{target}-{}", release::VERSION, fingerprint());
    let prefix = cache_folder.join(&name);

    let _lock = cache::lock(&cache_folder)?;
    if prefix.join("lib/libwiredtiger.a").is_file() {
        return Ok(prefix);
    }
    let scratch = cache::scratch_folder(&cache_folder, &name)?;
    let source = release::unpack(&cache_folder, &scratch.join("source"))?;
    write_headers(&source, &scratch.join("include"))?;
    compile(&source, &scratch, cpu_tag)?;
    fs::remove_dir_all(scratch.join("source"))
        .map_err(|error| format!("cannot tidy {}: {error}", scratch.display()))?;
    let _ = fs::remove_dir_all(scratch.join("objects"));
    fs::rename(&scratch, &prefix).map_err(|error| format!("cannot move {}: {error}", scratch.display()))?;
    Ok(prefix)
}

/// Whether the library below `prefix` was compiled by this module, here or elsewhere. Other installations do not have
/// this header.
pub fn has_open_hook(prefix: &Path) -> bool {
    fs::read_to_string(prefix.join("include/wiredtiger_config.h")).is_ok_and(|header| header.starts_with(CONFIG))
}

/// The tag that the release's file list gives to files of this processor.
fn cpu_tag(target: &str) -> Result<&'static str, String> {
    match target.split('-').next() {
        _ if !target.contains("linux") => {}
        Some("x86_64") => return Ok(X86),
        Some("aarch64") => return Ok(ARM),
        _ => {}
    }
    Err(format!("cannot compile WiredTiger for {target}, only for x86_64 and aarch64 Linux; set WIREDTIGER_DIR"))
}

/// Everything that changes the compiled library, in sixteen hexadecimal digits.
fn fingerprint() -> String {
    let compiler = base_build().get_compiler();
    let mut hash = Sha256::new();
    hash.update(format!("{:?} {:?}", compiler.path(), compiler.args()));
    hash.update(CONFIG);
    if let Ok(version) = compiler.to_command().arg("-dumpfullversion").output() {
        hash.update(&version.stdout);
    }
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// Always optimised: an unoptimised WiredTiger makes every debug test several times slower and helps nobody.
fn base_build() -> cc::Build {
    let mut build = cc::Build::new();
    build.opt_level(3).debug(false).pic(true).warnings(false).cargo_metadata(false);
    for flag in FLAGS {
        build.flag(flag);
    }
    for (name, value) in DEFINES {
        build.define(name, *value);
    }
    build
}

fn write_headers(source: &Path, include: &Path) -> Result<(), String> {
    let template_path = source.join("src/include/wiredtiger.in");
    let template = fs::read_to_string(&template_path)
        .map_err(|error| format!("cannot read {}: {error}", template_path.display()))?;
    let mut version = release::VERSION.split('.');
    let mut next = || version.next().unwrap_or("0");
    let header = template
        .replace("@VERSION_MAJOR@", next())
        .replace("@VERSION_MINOR@", next())
        .replace("@VERSION_PATCH@", next())
        .replace("@VERSION_STRING@", &format!("\"WiredTiger {}\"", release::VERSION))
        .replace("@wiredtiger_includes_decl@", HEADER_INCLUDES)
        .replace("@off_t_decl@", "typedef off_t wt_off_t;")
        .replace("@uintmax_t_decl@", "")
        .replace("@uintptr_t_decl@", "");
    let config = format!("{CONFIG}#define VERSION \"{}\"\n", release::VERSION);
    fs::create_dir_all(include)
        .and_then(|()| fs::write(include.join("wiredtiger.h"), header))
        .and_then(|()| fs::write(include.join("wiredtiger_config.h"), config))
        .map_err(|error| format!("cannot write {}: {error}", include.display()))
}

fn compile(source: &Path, scratch: &Path, cpu_tag: &str) -> Result<(), String> {
    let list_path = source.join("dist/filelist");
    let list = fs::read_to_string(&list_path).map_err(|error| format!("{}: {error}", list_path.display()))?;
    let (checksums, others): (Vec<&str>, Vec<&str>) =
        host_files(&list, cpu_tag).partition(|file| file.contains("/crc32-"));

    let include_dirs = [source.join("src/include"), scratch.join("include")];
    let objects_folder = scratch.join("objects");
    let build = |files: Vec<&str>, extra_flag: Option<&str>| -> Result<Vec<PathBuf>, String> {
        let mut build = base_build();
        build.includes(&include_dirs).out_dir(&objects_folder).files(files.iter().map(|file| source.join(file)));
        if let Some(flag) = extra_flag {
            build.flag(flag);
        }
        build.try_compile_intermediates().map_err(|error| format!("cannot compile WiredTiger: {error}"))
    };
    let mut objects = build(others, None)?;
    if !checksums.is_empty() {
        // These files hold the instruction's only users; WiredTiger asks the processor before it calls them.
        let flag = if cpu_tag == ARM { "-march=armv8-a+crc" } else { "-msse4.2" };
        objects.extend(build(checksums, Some(flag))?);
    }
    let lib_folder = scratch.join("lib");
    fs::create_dir_all(&lib_folder).map_err(|error| format!("cannot create {}: {error}", lib_folder.display()))?;
    base_build()
        .out_dir(lib_folder)
        .objects(objects)
        .try_compile("wiredtiger")
        .map_err(|error| format!("cannot archive WiredTiger: {error}"))
}

/// The C files for Linux on this processor: lines of `path [tag]`.
fn host_files<'a>(list: &'a str, cpu_tag: &'a str) -> impl Iterator<Item = &'a str> {
    list.lines().filter_map(move |line| {
        let mut words = line.split_whitespace();
        let file = words.next().filter(|file| file.ends_with(".c"))?;
        match words.next() {
            None | Some("POSIX_HOST" | "LINUX_HOST") => Some(file),
            Some(tag) if tag == cpu_tag => Some(file),
            Some(_) => None,
        }
    })
}
