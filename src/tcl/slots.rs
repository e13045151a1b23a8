//! The slots of Tcl's and TclOO's stub tables that are called here. A Tcl may leave slots empty: one that has an empty slot
//! among these is refused when the package is loaded, so that none is ever called.

use super::sys;

/// A list of the slots of one table: a constant of each name, without which `stub!` and `oo!` do not compile, and `listed`.
macro_rules! slots {
    ($module:ident, $table:ty: $($(#[$condition:meta])? $name:ident)*) => {
        #[allow(non_upper_case_globals)]
        pub mod $module {
            $($(#[$condition])? pub const $name: () = ();)*

            /// Names of the listed slots, each with whether it is empty in the table.
            pub fn listed(table: &$table) -> Vec<(&'static str, bool)> {
                [$($(#[$condition])? (stringify!($name), table.$name.is_none())),*].to_vec()
            }
        }
    };
}

slots! { tcl_slots, super::sys::TclStubs:
    tclFreeObj tcl_Alloc tcl_BadChannelOption tcl_CreateChannel tcl_CreateChannelHandler tcl_DStringAppend
    tcl_DStringAppendElement tcl_DeleteChannelHandler tcl_Eof tcl_Flush tcl_GetChannel tcl_GetChannelError tcl_GetErrno tcl_NotifyChannel
    tcl_OutputBuffered tcl_ReadChars tcl_RegisterChannel tcl_SetChannelError tcl_SetChannelErrorInterp tcl_SetChannelOption
    tcl_UnregisterChannel tcl_WriteObj tcl_BackgroundException tcl_CallWhenDeleted tcl_Canceled tcl_CreateEventSource
    tcl_CreateExitHandler tcl_CreateObjCommand tcl_CreateThreadExitHandler tcl_CreateTimerHandler
    tcl_DStringFree tcl_DeleteCommandFromToken tcl_DeleteEventSource tcl_DeleteEvents tcl_DeleteTimerHandler tcl_DictObjDone
    tcl_DictObjFirst tcl_DictObjGet tcl_DictObjNext tcl_DictObjPut tcl_DictObjSize tcl_DoOneEvent
    tcl_DontCallWhenDeleted tcl_DuplicateObj tcl_ErrnoId tcl_ErrnoMsg tcl_EvalObjEx tcl_EvalObjv tcl_ExternalToUtfDString tcl_Free
    tcl_FreeEncoding tcl_GetAssocData tcl_GetBooleanFromObj
    #[cfg(not(tcl9))] tcl_GetByteArrayFromObj
    #[cfg(tcl9)] tcl_GetBytesFromObj
    tcl_GetCommandFromObj
    tcl_GetCommandFullName tcl_GetCurrentThread tcl_GetEncoding tcl_GetObjResult tcl_GetReturnOptions tcl_GetStringFromObj
    tcl_GetWideIntFromObj tcl_InterpDeleted tcl_LimitExceeded tcl_ListObjAppendElement tcl_ListObjGetElements
    tcl_ListObjLength tcl_NRAddCallback tcl_NREvalObj tcl_NREvalObjv tcl_NewByteArrayObj tcl_NewDictObj tcl_NewListObj
    tcl_NewObj tcl_NewStringObj tcl_NewWideIntObj tcl_ObjGetVar2 tcl_ObjSetVar2 tcl_PkgProvideEx tcl_Preserve
    tcl_QueueEvent tcl_Release tcl_ResetResult tcl_ServiceEvent tcl_SetAssocData tcl_SetMaxBlockTime
    tcl_SetReturnOptions
    tcl_SetByteArrayLength tcl_SetErrno tcl_SetObjErrorCode tcl_SetObjResult tcl_SetVar2Ex tcl_StringCaseMatch tcl_ThreadAlert tcl_ThreadQueueEvent tcl_TraceVar2
    #[cfg(not(tcl9))] tcl_TranslateFileName
    tcl_UnsetVar2 tcl_UtfToExternalDString tcl_WrongNumArgs
}

slots! { oo_slots, super::sys::TclOOStubs:
    tcl_ClassSetConstructor tcl_ClassSetDestructor tcl_GetObjectAsClass tcl_GetObjectCommand tcl_GetObjectFromObj tcl_GetObjectName
    tcl_GetObjectNamespace tcl_NewMethod tcl_NewObjectInstance tcl_ObjectContextObject
    tcl_ObjectContextSkippedArgs tcl_ObjectDeleted tcl_ObjectGetMetadata tcl_ObjectSetMetadata
}

/// Names of all slots that are called, each with whether the loaded tables have it empty.
///
/// # Safety
/// The tables are initialised.
pub unsafe fn listed() -> Vec<(&'static str, bool)> {
    // SAFETY: set by the initialisation, and static data of Tcl since.
    unsafe { [tcl_slots::listed(&*sys::tclStubsPtr), oo_slots::listed(&*sys::tclOOStubsPtr)].concat() }
}

/// Calls a function of Tcl's stub table, which the list above must name: `stub!(tcl_NewObj())`.
macro_rules! stub {
    ($name:ident ( $($arg:expr),* $(,)? )) => {{
        const { $crate::tcl::slots::tcl_slots::$name };
        ((*$crate::tcl::sys::tclStubsPtr).$name.unwrap())($($arg),*)
    }};
}

/// Calls a function of TclOO's stub table, which the list above must name.
macro_rules! oo {
    ($name:ident ( $($arg:expr),* $(,)? )) => {{
        const { $crate::tcl::slots::oo_slots::$name };
        ((*$crate::tcl::sys::tclOOStubsPtr).$name.unwrap())($($arg),*)
    }};
}

pub(crate) use {oo, stub};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_slot_is_noticed() {
        // SAFETY: integers, null pointers and empty slots.
        let empty: (sys::TclStubs, sys::TclOOStubs) = unsafe { std::mem::zeroed() };
        for listed in [tcl_slots::listed(&empty.0), oo_slots::listed(&empty.1)] {
            assert!(!listed.is_empty());
            assert!(listed.iter().all(|(_, empty)| *empty));
        }
    }
}
