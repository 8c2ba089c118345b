//! What a VM needs of the computer: a hypervisor, an image, and vsock.

use super::hypervisor::{Hypervisor, HypervisorError};
use super::image::{Image, ImageError};
use super::qemu::Qemu;
use super::vsock::{self, VsockError};

/// What runs a VM, and what it boots.
pub struct Parts {
    /// What runs it.
    pub hypervisor: Box<dyn Hypervisor>,
    /// What it boots.
    pub image: Image,
}

/// What is missing.
#[derive(Debug, thiserror::Error)]
pub enum PartsError {
    /// The hypervisor.
    #[error(transparent)]
    Hypervisor(#[from] HypervisorError),
    /// The image.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// The way to the guest.
    #[error(transparent)]
    Vsock(#[from] VsockError),
}

impl Parts {
    /// Finds all of them, or says what the first is that is missing.
    pub fn find() -> Result<Self, PartsError> {
        let image = Image::open(&Image::place())?;
        let hypervisor = Box::new(Qemu::find()?);
        vsock::find()?;
        Ok(Self { hypervisor, image })
    }
}
