//! The guest's network: QEMU's user-mode network, whose addresses are fixed (QEMU, docs/system/devices/net.rst).

use anyhow::Result;

use super::tool;

const BUSYBOX: &str = "/usr/bin/busybox";
const IPTABLES: &str = "/usr/sbin/iptables";
/// The network that QEMU simulates. All its addresses but the guest's and the resolver's lead to the host's own loopback.
const NETWORK: &str = "10.0.2.0/24";
const ADDRESS: &str = "10.0.2.15/24";
const ROUTER: &str = "10.0.2.2";
const RESOLVER: &str = "10.0.2.3";

/// Brings it up. What runs in the guest reaches the world and its names, and no service of the host's loopback.
pub fn bring_up() -> Result<()> {
    std::fs::write("/run/resolv.conf", format!("nameserver {RESOLVER}\n"))?;
    for words in [
        &["ip", "link", "set", "lo", "up"][..],
        &["ip", "address", "add", ADDRESS, "dev", "eth0"],
        &["ip", "link", "set", "eth0", "up"],
        &["ip", "route", "add", "default", "via", ROUTER],
    ] {
        tool::must(BUSYBOX, words)?;
    }
    // Behind everything that the guest sends itself or forwards for containers.
    let rules: [&[&str]; 3] = [
        &["-d", RESOLVER, "-p", "udp", "--dport", "53", "-j", "ACCEPT"],
        &["-d", RESOLVER, "-p", "tcp", "--dport", "53", "-j", "ACCEPT"],
        &["-d", NETWORK, "-j", "DROP"],
    ];
    for rule in rules {
        let words: Vec<&str> =
            ["-t", "mangle", "-A", "POSTROUTING", "-o", "eth0"].iter().chain(rule).copied().collect();
        tool::must(IPTABLES, &words)?;
    }
    Ok(())
}
