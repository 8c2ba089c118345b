//! What the guest's image is made of: Debian's packages, and the few of their files that the guest needs.

/// Debian's release.
pub const SUITE: &str = "trixie";

/// Where its packages come from. The release's own keys vouch for them, so that the way there needn't be encrypted.
pub const SOURCES: &[&str] = &[
    "deb http://deb.debian.org/debian trixie main",
    "deb http://deb.debian.org/debian trixie-updates main",
    "deb http://deb.debian.org/debian-security trixie-security main",
];

/// The packages, beside those that they depend on.
pub const PACKAGES: &[&str] = &[
    "busybox-static",
    "ca-certificates",
    "containerd",
    "docker.io",
    "e2fsprogs",
    "iptables",
    "kmod",
    "linux-image-cloud-amd64",
    "runc",
];

/// Programs, to which their libraries are added.
pub const PROGRAMS: &[&str] = &[
    "usr/bin/busybox",
    "usr/bin/containerd",
    "usr/bin/containerd-shim-runc-v2",
    "usr/bin/docker-init",
    "usr/bin/kmod",
    "usr/sbin/docker-proxy",
    "usr/sbin/dockerd",
    "usr/sbin/e2fsck",
    "usr/sbin/mke2fs",
    "usr/sbin/resize2fs",
    "usr/sbin/runc",
    "usr/sbin/xtables-nft-multi",
];

/// Files and directories that are taken whole.
pub const WHOLE: &[&str] = &[
    "etc/mke2fs.conf",
    "usr/lib/x86_64-linux-gnu/xtables",
    "usr/share/doc/docker.io/copyright",
    "usr/share/doc/linux-image-cloud-amd64/copyright",
];

/// Where libraries are found, in this order.
pub const LIBRARIES: &[&str] = &["usr/lib/x86_64-linux-gnu", "usr/lib"];

/// The dynamic linker, which programs name by an absolute path.
pub const LINKER: &str = "usr/lib64/ld-linux-x86-64.so.2";

/// Kernel modules, as beginnings of their paths below the kernel's directory: containers' networks and file systems, virtio, and what
/// those depend on.
pub const MODULES: &[&str] = &[
    "arch",
    "block",
    "crypto",
    "drivers/block",
    "drivers/char",
    "drivers/firmware",
    "drivers/net/bonding",
    "drivers/net/dummy",
    "drivers/net/ifb",
    "drivers/net/ipvlan",
    "drivers/net/macvlan",
    "drivers/net/net_failover",
    "drivers/net/tap",
    "drivers/net/tun",
    "drivers/net/veth",
    "drivers/net/virtio_net",
    "drivers/net/vrf",
    "drivers/net/vxlan",
    "drivers/net/wireguard",
    "drivers/virtio",
    "fs/autofs",
    "fs/binfmt_misc",
    "fs/configfs",
    "fs/erofs",
    "fs/fuse",
    "fs/isofs",
    "fs/lockd",
    "fs/netfs",
    "fs/nfs",
    "fs/nls",
    "fs/overlayfs",
    "lib",
    "net",
];

/// Modules that the agent loads before it can reach the root file system and the engine. Those that they depend on come before them.
pub const BOOT_MODULES: &[&str] =
    &["virtio_blk", "erofs", "qemu_fw_cfg", "vmw_vsock_virtio_transport", "virtio_net", "virtio_balloon"];

/// Directories that are there for something to be mounted on them, or to be written to.
pub const DIRECTORIES: &[&str] =
    &["data", "dev", "etc/docker", "opt", "proc", "root", "run", "sys", "tmp", "var", "etc/ssl/certs"];

/// Symlinks: where, and to what.
pub const SYMLINKS: &[(&str, &str)] = &[
    ("bin", "usr/bin"),
    ("sbin", "usr/sbin"),
    ("lib", "usr/lib"),
    ("lib64", "usr/lib64"),
    ("etc/mtab", "/proc/self/mounts"),
    ("etc/resolv.conf", "/run/resolv.conf"),
    ("usr/bin/sh", "busybox"),
    ("usr/sbin/modprobe", "../bin/kmod"),
    ("usr/sbin/iptables", "xtables-nft-multi"),
    ("usr/sbin/iptables-restore", "xtables-nft-multi"),
    ("usr/sbin/iptables-save", "xtables-nft-multi"),
    ("usr/sbin/ip6tables", "xtables-nft-multi"),
    ("usr/sbin/ip6tables-restore", "xtables-nft-multi"),
    ("usr/sbin/ip6tables-save", "xtables-nft-multi"),
    ("var/run", "/run"),
    ("var/tmp", "/tmp"),
];

/// Files with a content of their own.
pub const FILES: &[(&str, &str)] = &[
    ("etc/group", "root:x:0:\nnogroup:x:65534:\n"),
    ("etc/hosts", "127.0.0.1 localhost\n::1 localhost\n127.0.1.1 causeway\n"),
    ("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n"),
    (
        "etc/os-release",
        "PRETTY_NAME=\"Causeway (Debian 13)\"\nNAME=Causeway\nID=causeway\nID_LIKE=debian\nVERSION_ID=13\n",
    ),
    ("etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n"),
    ("etc/profile", "export PATH=/usr/sbin:/usr/bin\nexport PS1='machine:\\w# '\n"),
];

/// Certificates that are joined into one file.
pub const CERTIFICATES: (&str, &str) = ("usr/share/ca-certificates/mozilla", "etc/ssl/certs/ca-certificates.crt");

/// The names under which busybox's programs are found, where nothing else provides them. For a person's shell.
pub const APPLETS: &[&str] = &[
    "awk",
    "basename",
    "cat",
    "chmod",
    "chown",
    "cp",
    "cut",
    "date",
    "dd",
    "df",
    "dirname",
    "dmesg",
    "du",
    "echo",
    "env",
    "expr",
    "false",
    "find",
    "free",
    "grep",
    "gunzip",
    "gzip",
    "head",
    "hostname",
    "id",
    "ip",
    "kill",
    "less",
    "ln",
    "ls",
    "md5sum",
    "mkdir",
    "mknod",
    "more",
    "mount",
    "mv",
    "nc",
    "netstat",
    "nslookup",
    "pgrep",
    "pidof",
    "ping",
    "printf",
    "ps",
    "pwd",
    "readlink",
    "realpath",
    "rm",
    "rmdir",
    "route",
    "sed",
    "seq",
    "sha256sum",
    "sleep",
    "sort",
    "stat",
    "stty",
    "sync",
    "tail",
    "tar",
    "tee",
    "test",
    "time",
    "top",
    "touch",
    "tr",
    "true",
    "umount",
    "uname",
    "uniq",
    "uptime",
    "vi",
    "wc",
    "wget",
    "which",
    "xargs",
    "xz",
    "yes",
    "zcat",
];

/// Time of everything in the image, in seconds since 1970: a constant, so that the same inputs give the same image.
pub const EPOCH_S: &str = "1700000000";

/// Identity of the root file system, likewise constant.
pub const ROOT_UUID: &str = "c0a5e3a7-0000-4000-8000-000000000001";
