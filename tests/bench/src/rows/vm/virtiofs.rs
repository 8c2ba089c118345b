//! What other programs would give the guest instead of a share: the host's folder itself, by virtiofs.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::Result;
use causeway_e2e::{Vm, eventually};

/// Where systems have the daemon.
const DAEMONS: [&str; 3] = ["/usr/libexec/virtiofsd", "/usr/lib/virtiofsd", "/usr/lib/qemu/virtiofsd"];

/// A daemon that serves a folder to a VM. Ends with this.
pub struct Virtiofs(Child);

impl Virtiofs {
    /// What Docker is told for the folder to be a volume.
    pub const VOLUME: [&str; 7] = ["volume", "create", "virtiofs", "--opt", "type=virtiofs", "--opt", "device=bench"];

    /// Serves a folder to a VM that doesn't run yet, by a device that is added to it; `None` where there is no daemon.
    pub fn serve(mut vm: Vm, folder: &Path) -> Result<(Vm, Option<Self>)> {
        let Some(daemon) = DAEMONS.into_iter().find(|path| Path::new(path).exists()) else {
            eprintln!("virtiofs isn't measured: there is no virtiofsd");
            return Ok((vm, None));
        };
        let (socket, qemu) = (vm.place.base().join("virtiofs.sock"), vm.place.base().join("qemu"));
        let mut command = Command::new(daemon);
        command
            .arg(format!("--socket-path={}", socket.display()))
            .arg("-o")
            .arg(format!("source={}", folder.display()));
        let served = Self(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?);
        eventually(|| socket.exists(), || format!("{daemon} to listen"));
        // A VM, but no trial and no question for the version.
        let script = format!(
            "#!/bin/sh\ncase \"$*\" in *vsock*) set -- \"$@\" -chardev socket,id=virtiofs,path={} -device \
             vhost-user-fs-pci,chardev=virtiofs,tag=bench ;; esac\nexec qemu-system-x86_64 \"$@\"\n",
            socket.display()
        );
        fs::write(&qemu, script)?;
        fs::set_permissions(&qemu, fs::Permissions::from_mode(0o700))?;
        vm.place.ok(&["engine", "stop"]);
        vm.place = vm.place.with_environment("CAUSEWAY_QEMU", &qemu);
        Ok((vm, Some(served)))
    }
}

impl Drop for Virtiofs {
    fn drop(&mut self) {
        // It ends by itself with its VM.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
