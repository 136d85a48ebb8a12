//! Functions that differ between operating systems. Linux has all of them, macOS all but
//! [`end_when_unread`]. Where a system lacks one, a simple fallback takes its place, as its doc says.

use std::fs::{File, Metadata};
use std::io;
use std::path::Path;
use std::time::Duration;

use tokio::net::TcpStream;

/// The identity of a file, whatever its name: device and inode. On other systems than Unix, the seconds and
/// nanoseconds of its creation, which two files may share.
pub type FileIdentity = (u64, u64);

/// Returns the identity of a file: its device and inode.
#[cfg(unix)]
pub fn file_id(about: &Metadata) -> FileIdentity {
    use std::os::unix::fs::MetadataExt;
    (about.dev(), about.ino())
}

/// Returns the identity of a file: the time of its creation. `(0, 0)` if the file system does not record it.
#[cfg(not(unix))]
pub fn file_id(about: &Metadata) -> FileIdentity {
    let made = about.created().ok().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
    made.map_or((0, 0), |made| (made.as_secs(), made.subsec_nanos().into()))
}

/// Fills `bytes` from a file, beginning at a byte offset. The position of the file does not move.
///
/// # Errors
/// If the file ends before, or cannot be read.
#[cfg(unix)]
pub fn read_exact_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, offset)
}

/// Would fill `bytes` from a file, beginning at a byte offset.
///
/// # Errors
/// Always on this system, with `Unsupported`: the caller has to go on without the bytes.
#[cfg(not(unix))]
pub fn read_exact_at(_: &File, _: &mut [u8], _: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Returns the free space of the disk that holds a file or folder, in bytes. `None` if the system cannot say.
#[cfg(unix)]
pub fn free_space(path: &Path) -> Option<u64> {
    let about = rustix::fs::statvfs(path).ok()?;
    Some(about.f_bavail.saturating_mul(about.f_frsize))
}

/// Would return the free space of the disk that holds a file or folder. Always `None` on this system.
#[cfg(not(unix))]
pub fn free_space(_: &Path) -> Option<u64> {
    None
}

/// Returns the processor time that this thread has used. The call takes some hundred nanoseconds.
#[cfg(unix)]
pub fn thread_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// Returns the time since the first call, in place of the processor time that this thread has used.
#[cfg(not(unix))]
pub fn thread_time() -> Duration {
    use std::sync::OnceLock;
    use std::time::Instant;
    static BEGUN: OnceLock<Instant> = OnceLock::new();
    BEGUN.get_or_init(Instant::now).elapsed()
}

/// Lets the system end a connection once its peer has acknowledged no data for the time `after` (tcp(7),
/// `TCP_USER_TIMEOUT`).
///
/// # Errors
/// If the socket does not accept the option.
#[cfg(target_os = "linux")]
pub fn end_when_unread(stream: &TcpStream, after: Duration) -> io::Result<()> {
    socket2::SockRef::from(stream).set_tcp_user_timeout(Some(after))
}

/// Does nothing on this system, which ends a connection with a silent peer after a time of its own.
///
/// # Errors
/// None on this system.
#[cfg(not(target_os = "linux"))]
pub fn end_when_unread(_: &TcpStream, _: Duration) -> io::Result<()> {
    Ok(())
}

/// The signals that ask the program to stop: SIGTERM and Ctrl-C (SIGINT).
pub struct StopRequests(#[cfg(unix)] [tokio::signal::unix::Signal; 2]);

impl StopRequests {
    /// Begins to listen for both signals. From now on they no longer end the process by themselves.
    ///
    /// # Errors
    /// If the system refuses the listener.
    #[cfg(unix)]
    pub fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self([signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?]))
    }

    /// Makes a listener for Ctrl-C, the only such signal on this system.
    ///
    /// # Errors
    /// None on this system.
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
        // If the system cannot report Ctrl-C, this returns at once, and the program stops.
        let _ = tokio::signal::ctrl_c().await;
    }

    /// Waits for the next Ctrl-C. SIGTERM does not count, where there is one.
    pub async fn interrupt(&mut self) {
        #[cfg(unix)]
        self.0[1].recv().await;
        #[cfg(not(unix))]
        self.first().await;
    }
}
