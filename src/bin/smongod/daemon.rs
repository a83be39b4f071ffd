//! `--fork`: the server in the background. The process that was started starts another, waits until that one serves or
//! has failed, and ends.

use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::AsFd;
use std::process::{Command, ExitCode, Stdio};

/// What the process in the background says when it serves.
const READY: &str = "ready";

/// Starts the process in the background and waits until it serves. The exit code of the process that was started is
/// that of the one in the background when that fails.
pub fn start() -> io::Result<ExitCode> {
    println!("about to fork child process, waiting until server is ready for connections.");
    let mut child = Command::new(std::env::current_exe()?)
        .args(std::env::args_os().skip(1))
        .arg("--forked")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()?;
    println!("forked process: {}", child.id());
    let mut said = String::new();
    if let Some(output) = child.stdout.take() {
        BufReader::new(output).read_line(&mut said)?;
    }
    if said.trim_end() == READY {
        println!("child process started successfully, parent exiting");
        return Ok(ExitCode::SUCCESS);
    }
    let status = child.wait()?;
    println!("ERROR: child process failed, exited with {}", status.code().unwrap_or(1));
    Ok(ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)))
}

/// Leaves the terminal of the process that started this one.
pub fn detach() -> io::Result<()> {
    rustix::process::setsid()?;
    Ok(())
}

/// Tells the process that started this one that the server serves, and says nothing there from then on.
pub fn report_ready() -> io::Result<()> {
    let mut out = io::stdout();
    writeln!(out, "{READY}")?;
    out.flush()?;
    let nothing = std::fs::File::options().read(true).write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdout(nothing.as_fd())?;
    rustix::stdio::dup2_stderr(nothing.as_fd())?;
    Ok(())
}
