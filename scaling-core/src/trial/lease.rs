//! Two workers never run the same trial: whoever runs it holds a lock on its `lease` file.
//!
//! The lock is the operating system's, so it ends with its holder however that ends, and needs no
//! heartbeat and no clock. A shared file system must offer locks (NFS does; Lustre with `-o flock`).

use crate::error::{At, Error, Result};
use std::fs::{File, TryLockError};
use std::io::Write;
use std::path::Path;
use std::time::Duration;

/// The right to run a trial, until dropped.
#[derive(Debug)]
pub struct Lease(#[allow(dead_code)] File); // held for its lock

impl Lease {
    /// Waits until nobody else runs the trial in `directory`, or `interrupted` says to stop.
    ///
    /// # Errors
    /// If the lease file cannot be written, the file system has no locks, or the wait was interrupted.
    pub fn acquire(directory: &Path, interrupted: &dyn Fn() -> bool) -> Result<Self> {
        let path = directory.join("lease");
        let mut file = open(&path)?;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if interrupted() => {
                    return Err(Error::Interrupted("interrupted while another worker ran the trial".into()));
                }
                Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(20)),
                Err(TryLockError::Error(error)) => return Err(error).at("lock", &path),
            }
        }
        // For people who look; the lock alone counts.
        file.set_len(0).at("write", &path)?;
        writeln!(file, "{} {}", crate::device::host(), std::process::id()).at("write", &path)?;
        Ok(Self(file))
    }

    /// Whether somebody runs the trial now.
    ///
    /// # Errors
    /// If the lease file cannot be opened.
    pub fn is_held(directory: &Path) -> Result<bool> {
        let path = directory.join("lease");
        if !path.exists() {
            return Ok(false);
        }
        Ok(matches!(open(&path)?.try_lock(), Err(TryLockError::WouldBlock)))
    }
}

fn open(path: &Path) -> Result<File> {
    File::options().create(true).write(true).truncate(false).open(path).at("open", path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_excludes_others_until_it_is_dropped() {
        let directory = tempfile::tempdir().unwrap();
        assert!(!Lease::is_held(directory.path()).unwrap());
        let lease = Lease::acquire(directory.path(), &|| false).unwrap();
        assert!(Lease::is_held(directory.path()).unwrap());
        assert!(matches!(Lease::acquire(directory.path(), &|| true), Err(Error::Interrupted(_))));
        drop(lease);
        assert!(!Lease::is_held(directory.path()).unwrap());
    }
}
