//! What differs between operating systems. Linux is what runs everywhere it is tested; macOS has all of it; elsewhere a
//! plain fallback stands in, which each function names.

use std::fs::{File, Metadata};
use std::io;
use std::path::Path;
use std::time::Duration;

use tokio::net::TcpStream;

/// What tells one file from another, whatever their names: device and inode. Elsewhere the time of its
/// making stands in, which two files may share.
pub type FileIdentity = (u64, u64);

/// The identity of a file.
#[cfg(unix)]
pub fn file_id(about: &Metadata) -> FileIdentity {
    use std::os::unix::fs::MetadataExt;
    (about.dev(), about.ino())
}

/// The identity of a file.
#[cfg(not(unix))]
pub fn file_id(about: &Metadata) -> FileIdentity {
    let made = about.created().ok().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
    made.map_or((0, 0), |made| (made.as_secs(), made.subsec_nanos().into()))
}

/// Reads the bytes at a place of a file, all of them.
///
/// # Errors
/// If there are fewer, or they cannot be read.
#[cfg(unix)]
pub fn read_exact_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, offset)
}

/// Reads the bytes at a place of a file, all of them.
///
/// # Errors
/// If there are fewer, or they cannot be read; elsewhere always, and whoever reads does without.
#[cfg(not(unix))]
pub fn read_exact_at(_: &File, _: &mut [u8], _: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// How many bytes may still be written to the disk that a file or folder is on. `None` where the system does not say.
#[cfg(unix)]
pub fn free_space(path: &Path) -> Option<u64> {
    let about = rustix::fs::statvfs(path).ok()?;
    Some(about.f_bavail.saturating_mul(about.f_frsize))
}

/// How many bytes may still be written to the disk that a file or folder is on. `None` where the system does not say.
#[cfg(not(unix))]
pub fn free_space(_: &Path) -> Option<u64> {
    None
}

/// What this thread has used of the processor. Asking takes some hundred nanoseconds.
#[cfg(unix)]
pub fn thread_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// The time that has gone by, which stands in for what this thread has used of the processor.
#[cfg(not(unix))]
pub fn thread_time() -> Duration {
    use std::sync::OnceLock;
    use std::time::Instant;
    static BEGUN: OnceLock<Instant> = OnceLock::new();
    BEGUN.get_or_init(Instant::now).elapsed()
}

/// Ends a connection whose peer acknowledges nothing for so long (Linux, tcp(7), `TCP_USER_TIMEOUT`). Elsewhere the system
/// ends it in its own time.
///
/// # Errors
/// If the socket does not take it.
#[cfg(target_os = "linux")]
pub fn end_when_unread(stream: &TcpStream, after: Duration) -> io::Result<()> {
    socket2::SockRef::from(stream).set_tcp_user_timeout(Some(after))
}

/// Ends a connection whose peer acknowledges nothing, in the system's own time.
///
/// # Errors
/// There are none on this system.
#[cfg(not(target_os = "linux"))]
pub fn end_when_unread(_: &TcpStream, _: Duration) -> io::Result<()> {
    Ok(())
}

/// Waits for the next request to stop: SIGTERM or Ctrl-C.
pub struct StopRequests(#[cfg(unix)] [tokio::signal::unix::Signal; 2]);

impl StopRequests {
    /// Begins to listen for them.
    ///
    /// # Errors
    /// If the system does not let us.
    #[cfg(unix)]
    pub fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self([signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?]))
    }

    /// Begins to listen for them; here Ctrl-C is the only one.
    ///
    /// # Errors
    /// There are none on this system.
    #[cfg(not(unix))]
    pub fn listen() -> io::Result<Self> {
        Ok(Self())
    }

    /// Waits for the next request to stop.
    #[cfg(unix)]
    pub async fn first(&mut self) {
        let Self([terminate, interrupt]) = self;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    }

    /// Waits for the next request to stop.
    #[cfg(not(unix))]
    pub async fn first(&mut self) {
        // Where it cannot be heard, nothing stops the program but its end.
        let _ = tokio::signal::ctrl_c().await;
    }

    /// Waits for the next Ctrl-C, whatever came before.
    pub async fn interrupt(&mut self) {
        #[cfg(unix)]
        self.0[1].recv().await;
        #[cfg(not(unix))]
        self.first().await;
    }
}
