//! What a process gives up before it reads a file from anywhere: memory, time, files and the network.

use crate::error::{Error, ErrorKind, Result};

/// Address space, in bytes.
pub(super) const MAX_MEMORY: u64 = 1 << 30;
/// Time on the processor, in seconds.
pub(super) const MAX_CPU_SECONDS: u64 = 30;

/// Confines this process for the rest of its life: limits that the system enforces, no new privileges, and where the
/// kernel has Landlock no file may be opened and no connection made. Systems without these calls confine less.
///
/// # Errors
/// The system has the calls and refuses them.
pub(super) fn confine() -> Result<()> {
    limit().map_err(refused)?;
    #[cfg(target_os = "linux")]
    {
        rustix::thread::set_no_new_privs(true).map_err(refused)?;
        landlocked().map_err(refused)?;
    }
    Ok(())
}

fn refused(cause: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::Io, "this process cannot be confined").because(cause)
}

fn limit() -> rustix::io::Result<()> {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let at_most = |n| Rlimit {
        current: Some(n),
        maximum: Some(n),
    };
    // One second more before the system kills what outlives the first signal.
    let seconds = Rlimit {
        current: Some(MAX_CPU_SECONDS),
        maximum: Some(MAX_CPU_SECONDS + 1),
    };
    setrlimit(Resource::Cpu, seconds)?;
    setrlimit(Resource::Fsize, at_most(0))?;
    setrlimit(Resource::Core, at_most(0))?;
    // macOS refuses a limit on the address space.
    #[cfg(target_os = "linux")]
    setrlimit(Resource::As, at_most(MAX_MEMORY))?;
    Ok(())
}

/// Every right to files and to the network that the kernel knows of is given up, as far as it knows them.
#[cfg(target_os = "linux")]
fn landlocked() -> std::result::Result<(), landlock::RulesetError> {
    use landlock::{ABI, Access as _, AccessFs, AccessNet, Ruleset, RulesetAttr as _, Scope};
    let newest = ABI::V6;
    Ruleset::default()
        .handle_access(AccessFs::from_all(newest))?
        .handle_access(AccessNet::from_all(newest))?
        .scope(Scope::from_all(newest))?
        .create()?
        .restrict_self()?;
    Ok(())
}
