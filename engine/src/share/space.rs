//! What a person can do about a failure: where space is missing, free some.

use std::error::Error;
use std::io;

use causeway_api::{Problem, ProblemCode, Remedy, Side, VmInfo};
use causeway_endpoint::fs::{FsError, FsErrorKind};
use causeway_index::{IndexError, StoreError};
use causeway_wire::agent::{Failure, FailureKind};

use crate::remote::AgentError;

/// The remedy for an error, or for what caused it, where that is a full disk.
pub fn remedy(error: &(dyn Error + 'static)) -> Option<Remedy> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if is_of_full_disk(error) {
            return Some(Remedy::sentence("Free space on that disk; the share goes on by itself then."));
        }
        cause = error.source();
    }
    None
}

/// Names the command that enlarges the machine's disk by a half, where that is full and its size is a setting.
pub fn name_command(problem: &mut Problem, vm: Option<&VmInfo>) {
    let Some(vm) = vm.filter(|_| (problem.code, problem.side) == (ProblemCode::NoSpace, Side::Guest)) else { return };
    let gib = (vm.disk_bytes.div_ceil(1 << 30) * 3).div_ceil(2);
    problem.remedy = Some(Remedy::command(
        "Free space in the machine, or enlarge its disk and start it anew. The path goes across by itself then.",
        format!("causeway machine config --disk {gib} && causeway machine restart"),
    ));
}

fn is_of_full_disk(error: &(dyn Error + 'static)) -> bool {
    let of_store = |error: &StoreError| matches!(error, StoreError::NoSpace { .. });
    let of_failure = |failure: &Failure| failure.kind == FailureKind::NoSpace;
    if let Some(error) = error.downcast_ref::<io::Error>() {
        matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
    } else if let Some(error) = error.downcast_ref::<FsError>() {
        error.kind == FsErrorKind::NoSpace
    } else if let Some(error) = error.downcast_ref::<IndexError>() {
        matches!(error, IndexError::Store(error) if of_store(error))
    } else if let Some(error) = error.downcast_ref::<AgentError>() {
        matches!(error, AgentError::Failed(failure) if of_failure(failure))
    } else {
        error.downcast_ref().is_some_and(of_store) || error.downcast_ref().is_some_and(of_failure)
    }
}

#[cfg(test)]
mod tests {
    use causeway_api::Timestamp;
    use causeway_sync::ledger::LedgerError;

    use super::*;

    #[test]
    fn a_vm_s_full_disk_is_enlarged_by_a_command() {
        let vm = VmInfo {
            hypervisor: "QEMU".into(),
            accelerated: true,
            emulated_because: None,
            cpus: 2,
            memory_bytes: 2 << 30,
            disk_bytes: 64 << 30,
            docker_socket: "/run/docker.sock".into(),
            ports: Vec::new(),
        };
        let problem = |code, side| Problem {
            path: "a".into(),
            other_path: None,
            side,
            code,
            sentence: String::new(),
            remedy: None,
            since: Timestamp::now(),
            next_try: None,
        };
        for (code, side, vm, command) in [
            (
                ProblemCode::NoSpace,
                Side::Guest,
                Some(&vm),
                Some("causeway machine config --disk 96 && causeway machine restart"),
            ),
            (ProblemCode::NoSpace, Side::Guest, None, None),
            (ProblemCode::NoSpace, Side::Host, Some(&vm), None),
            (ProblemCode::ReadOnly, Side::Guest, Some(&vm), None),
        ] {
            let mut problem = problem(code, side);
            name_command(&mut problem, vm);
            assert_eq!(problem.remedy.and_then(|remedy| remedy.command).as_deref(), command, "{code:?} {side:?}");
        }
    }

    #[test]
    fn a_full_disk_is_found_below_other_errors() {
        let store = || StoreError::NoSpace { path: "x".into(), doing: "commit" };
        let full: [Box<dyn Error>; 5] = [
            Box::new(io::Error::from(io::ErrorKind::StorageFull)),
            Box::new(IndexError::from(store())),
            Box::new(LedgerError { doing: "commit", source: store().into() }),
            Box::new(AgentError::from(Failure::new(FailureKind::NoSpace, "x"))),
            Box::new(crate::share::host::HostError::from(IndexError::from(store()))),
        ];
        for error in full {
            assert!(remedy(&*error).is_some(), "{error}");
        }
        let others: [Box<dyn Error>; 2] =
            [Box::new(AgentError::Gone), Box::new(io::Error::from(io::ErrorKind::PermissionDenied))];
        for error in others {
            assert!(remedy(&*error).is_none(), "{error}");
        }
    }
}
