//! Files that are read and written piece by piece.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::bridge::errors::{Error, Result};
use crate::client::Argument;
use crate::tcl::file;

/// The error of a file, as Tcl's own commands raise it.
pub(super) fn failed(what: &str, path: &Path, error: &io::Error) -> Error {
    let (id, text) = crate::tcl::posix(error.raw_os_error().unwrap_or(libc::EIO));
    let message = format!("couldn't {what} \"{}\": {text}", path.display());
    crate::tcl::Error::Raised { message, code: vec!["POSIX".to_string(), id, text] }.into()
}

/// A file to read.
pub(super) struct Source {
    file: File,
    path: PathBuf,
}

impl Source {
    /// Opens it.
    ///
    /// # Errors
    /// `POSIX`, as `open` raises it.
    pub(super) fn open(path: &str) -> Result<Source> {
        let path = file::path(path);
        let file = File::open(&path).and_then(|file| match file.metadata() {
            Ok(about) if about.is_dir() => Err(io::Error::from_raw_os_error(libc::EISDIR)),
            _ => Ok(file),
        });
        match file {
            Ok(file) => Ok(Source { file, path }),
            Err(error) => Err(failed("open", &path, &error)),
        }
    }

    /// Its size.
    pub(super) fn size(&self) -> Option<u64> {
        self.file.metadata().ok().filter(fs::Metadata::is_file).map(|about| about.len())
    }

    /// Up to so many bytes; none at the end.
    ///
    /// # Errors
    /// `POSIX`
    pub(super) fn read(&mut self, most: usize) -> Result<Bytes> {
        let mut piece = Vec::with_capacity(most);
        match Read::by_ref(&mut self.file).take(most as u64).read_to_end(&mut piece) {
            Ok(_) => Ok(Bytes::from(piece)),
            Err(error) => Err(failed("read", &self.path, &error)),
        }
    }
}

/// A file that comes into being under another name, and is removed unless it is finished.
pub(super) struct Target {
    file: Option<File>,
    path: PathBuf,
    part: PathBuf,
}

impl Target {
    /// Makes it.
    ///
    /// # Errors
    /// `POSIX`; `ErrInvalidArg` if a device, a pipe or a socket has the name, which the file would replace at the end.
    pub(super) fn create(name: &str) -> Result<Target> {
        let path = file::path(name);
        if let Ok(about) = fs::metadata(&path)
            && !about.is_file()
            && !about.is_dir()
        {
            return Err(Argument::NotReplaced(name.to_string()).into());
        }
        // A link is replaced, wherever it leads.
        if fs::symlink_metadata(&path).is_ok_and(|about| about.is_dir()) {
            return Err(failed("open", &path, &io::Error::from_raw_os_error(libc::EISDIR)));
        }
        let mut part = path.clone().into_os_string();
        part.push(".part");
        let part = PathBuf::from(part);
        match File::create(&part) {
            Ok(file) => Ok(Target { file: Some(file), path, part }),
            Err(error) => Err(failed("open", &part, &error)),
        }
    }

    /// Adds bytes.
    ///
    /// # Errors
    /// `POSIX`
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        file.write_all(bytes).map_err(|error| failed("write", &self.part, &error))
    }

    /// Gives it its name.
    ///
    /// # Errors
    /// `POSIX`
    pub(super) fn finish(mut self) -> Result<()> {
        if let Err(error) = fs::rename(&self.part, &self.path) {
            return Err(failed("rename", &self.part, &error));
        }
        self.file = None;
        Ok(())
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if self.file.take().is_some() {
            let _ = fs::remove_file(&self.part);
        }
    }
}
