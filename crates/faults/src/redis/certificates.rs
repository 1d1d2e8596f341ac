//! An authority of a test's own, and a certificate for 127.0.0.1 and one for a client that it signed.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
};

use tempfile::TempDir;

/// An authority with one server's key, in a temporary folder.
pub struct Certificates {
    folder: TempDir,
}

const NEW_KEY: [&str; 6] =
    ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

impl Certificates {
    /// Makes an authority and a server's certificate, with `openssl`.
    ///
    /// # Panics
    /// Panics where that fails.
    pub fn make() -> Self {
        let folder = tempfile::tempdir().expect("there is a temporary folder");
        let made = Certificates { folder };
        let authority = ["-x509", "-days", "2", "-subj", "/CN=Test authority"];
        made.openssl(&[&NEW_KEY[..], &authority, &["-keyout", "ca.key", "-out", "ca.pem"]]);
        let server = ["-subj", "/CN=redis", "-keyout", "server.key", "-out", "server.csr"];
        made.openssl(&[&NEW_KEY[..], &server]);
        let client = ["-subj", "/CN=tidegate", "-keyout", "client.key", "-out", "client.csr"];
        made.openssl(&[&NEW_KEY[..], &client]);
        let names = "subjectAltName=IP:127.0.0.1,DNS:localhost\nbasicConstraints=CA:FALSE\n";
        fs::write(made.path("names"), names).expect("the folder can be written");
        let sign = ["x509", "-req", "-days", "2", "-in", "server.csr", "-out", "server.pem"];
        let by = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "names"];
        made.openssl(&[&sign[..], &by]);
        let sign = ["x509", "-req", "-days", "2", "-in", "client.csr", "-out", "client.pem"];
        made.openssl(&[&sign[..], &by]);
        made
    }

    /// Returns the files with a client's certificate and its key.
    pub fn client(&self) -> (PathBuf, PathBuf) {
        (self.path("client.pem"), self.path("client.key"))
    }

    /// Returns the files with a server's certificate and its key.
    pub fn server(&self) -> (PathBuf, PathBuf) {
        (self.path("server.pem"), self.path("server.key"))
    }

    /// Returns the file with the authority's certificate.
    pub fn authority(&self) -> PathBuf {
        self.path("ca.pem")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn openssl(&self, arguments: &[&[&str]]) {
        let mut command = Command::new("openssl");
        command.current_dir(self.folder.path()).args(arguments.concat()).stdin(Stdio::null());
        let output = command.output().expect("these tests need `openssl`");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command:?}: {said}");
    }
}
