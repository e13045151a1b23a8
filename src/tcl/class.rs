//! TclOO classes and plain commands with native bodies, made from tables (Class(3), Method(3), CrtObjCmd(3)).

use std::any::Any;
use std::cell::Cell;
use std::ffi::{CStr, CString};
use std::marker::PhantomData;
use std::os::raw::{c_int, c_void};
use std::rc::Rc;
use std::slice;
use std::sync::OnceLock;

use super::error::{Error, Result, Trouble};
use super::handle::Handle;
use super::interp::Interp;
use super::lent::none_lent;
use super::obj::Obj;
use super::slots::{oo, stub};
use super::sys::{self, Code, Size};
use super::trampoline::guarded;

/// Result of a method, as the dispatcher takes it.
pub enum Reply {
    /// The result.
    Value(Obj),
    /// An empty result.
    Empty,
    /// A result code of the C API, everything else being arranged: that of a call that yields.
    Code(Code),
}

impl From<Obj> for Reply {
    fn from(value: Obj) -> Reply {
        Reply::Value(value)
    }
}

/// A row of a table of methods or commands.
pub trait Row: Sync + Sized + 'static {
    /// Name of the method or command.
    fn name(&self) -> &'static str;
    /// Runs it.
    fn run(&'static self, call: &Call) -> Result<Reply>;
}

/// State of an object, kept as its metadata.
pub trait Instance: Any {
    /// Called when the object is deleted: on `destroy`, rename, namespace or interpreter deletion. May be called more than once.
    fn close(&self);
    /// For downcasts.
    fn as_any(self: Rc<Self>) -> Rc<dyn Any>;
}

/// One invocation of a method or command.
pub struct Call<'a> {
    /// The interpreter.
    pub interp: Interp<'a>,
    words: &'a [Obj],
    skip: usize,
    context: sys::Tcl_ObjectContext,
}

impl<'a> Call<'a> {
    /// The arguments after the method's or command's name.
    pub fn args(&self) -> &'a [Obj] {
        &self.words[self.skip..]
    }

    /// Tcl's own `wrong # args` error.
    pub fn wrong_args(&self, usage: &str) -> Error {
        self.interp.wrong_args(self.words, self.skip, usage)
    }

    /// The object, if this is a method.
    pub fn object(&self) -> Option<Object<'a>> {
        if self.context.is_null() {
            return None;
        }
        // SAFETY: the context is live during the call, and keeps the object's memory, if not the object, as long.
        Some(Object(unsafe { oo!(tcl_ObjectContextObject(self.context)) }, PhantomData))
    }
}

/// The TclOO object of a method call. It may have been destroyed meanwhile.
#[derive(Clone, Copy)]
pub struct Object<'a>(sys::Tcl_Object, PhantomData<&'a ()>);

struct Holder {
    instance: Rc<dyn Instance>,
    /// Cleared when the object is deleted.
    present: Rc<Cell<bool>>,
}

fn metadata_type() -> &'static sys::Tcl_ObjectMetadataType {
    struct Table(sys::Tcl_ObjectMetadataType);
    // SAFETY: the table is constant data.
    unsafe impl Send for Table {}
    // SAFETY: the table is constant data.
    unsafe impl Sync for Table {}
    static TYPE: OnceLock<Table> = OnceLock::new();
    &TYPE
        .get_or_init(|| {
            Table(sys::Tcl_ObjectMetadataType {
                version: sys::METADATA_VERSION,
                name: c"native instance".as_ptr(),
                deleteProc: Some(delete_metadata),
                cloneProc: Some(refuse_clone),
            })
        })
        .0
}

unsafe extern "C" fn delete_metadata(data: *mut c_void) {
    guarded((), || {
        // SAFETY: made by `set_instance`, deleted once by TclOO.
        let holder = unsafe { Box::from_raw(data.cast::<Holder>()) };
        holder.present.set(false);
        holder.instance.close();
    });
}

unsafe extern "C" fn refuse_clone(interp: *mut sys::Tcl_Interp, _from: *mut c_void, _to: *mut *mut c_void) -> c_int {
    // SAFETY: called by TclOO with the live interpreter.
    let interp = unsafe { Interp::from_raw(interp) };
    interp.raise(&Trouble::NoCopies.into())
}

impl Object<'_> {
    fn is_gone(self) -> bool {
        // SAFETY: the object's memory is there during the call.
        unsafe { oo!(tcl_ObjectDeleted(self.0)) != 0 }
    }

    /// Attaches the state; an older one is closed. If the object is gone, the state is closed at once.
    pub fn set_instance(self, instance: Rc<dyn Instance>) {
        if self.is_gone() {
            return instance.close();
        }
        let holder = Box::into_raw(Box::new(Holder { instance, present: Rc::new(Cell::new(true)) }));
        // SAFETY: live object; TclOO calls `delete_metadata` for the holder.
        unsafe { oo!(tcl_ObjectSetMetadata(self.0, metadata_type(), holder.cast())) };
    }

    /// The state, if the constructor of class `T`'s object has run.
    pub fn instance<T: Instance>(self) -> Option<Rc<T>> {
        // SAFETY: the object's memory is there during the call.
        unsafe { state_of(self.0) }
    }

    /// A handle that can be kept; `None` if the object has no state, or is gone.
    pub fn handle(self) -> Option<Handle> {
        if self.is_gone() {
            return None;
        }
        // SAFETY: live object; what is stored under our type is a `Holder`.
        let holder = unsafe { oo!(tcl_ObjectGetMetadata(self.0, metadata_type())).cast::<Holder>().as_ref()? };
        Some(Handle::new(self.0, Rc::clone(&holder.present)))
    }

    /// Full name of the object's private namespace; `None` if the object is gone.
    pub fn namespace(self) -> Option<String> {
        if self.is_gone() {
            return None;
        }
        // SAFETY: live object; its namespace has a C string as name.
        unsafe {
            let namespace = oo!(tcl_GetObjectNamespace(self.0));
            Some(CStr::from_ptr((*namespace).fullName).to_string_lossy().into_owned())
        }
    }

    /// Full name of the object's command; empty if the object is gone.
    pub fn name(self, interp: Interp) -> Obj {
        if self.is_gone() {
            return Obj::empty();
        }
        // SAFETY: live object and interpreter.
        unsafe { Obj::from_raw(oo!(tcl_GetObjectName(interp.as_ptr(), self.0))) }
    }
}

/// The state of an object of class `T`.
///
/// # Safety
/// The object's memory is there.
unsafe fn state_of<T: Instance>(object: sys::Tcl_Object) -> Option<Rc<T>> {
    // SAFETY: what is stored under our type is a `Holder`.
    let holder = unsafe { oo!(tcl_ObjectGetMetadata(object, metadata_type())).cast::<Holder>().as_ref()? };
    Rc::clone(&holder.instance).as_any().downcast::<T>().ok()
}

/// The object of a command name.
fn find(interp: Interp, name: &Obj) -> Option<sys::Tcl_Object> {
    none_lent();
    // SAFETY: live interpreter and value.
    let object = unsafe { oo!(tcl_GetObjectFromObj(interp.as_ptr(), name.as_ptr())) };
    if object.is_null() {
        interp.reset_result();
        return None;
    }
    Some(object)
}

/// The state of the object with this command name, if its class is that of `T`.
pub fn instance_of<T: Instance>(interp: Interp, name: &Obj) -> Option<Rc<T>> {
    let object = find(interp, name)?;
    // SAFETY: found just now.
    unsafe { state_of(object) }
}

/// Makes an object of the class with this name, as `<class> new args...` does, and gives its command name.
///
/// # Errors
/// Those of the constructor; a class that is gone.
pub fn make(interp: Interp, class: &str, args: &[Obj]) -> Result<Obj> {
    none_lent();
    let Some(found) = find(interp, &Obj::text(class)) else {
        return Err(Trouble::ClassGone(class.to_string()).into());
    };
    // SAFETY: live object; the arguments are a transparent array of pointers, none skipped.
    unsafe {
        let class = oo!(tcl_GetObjectAsClass(found));
        let null = std::ptr::null();
        let object = oo!(tcl_NewObjectInstance(interp.as_ptr(), class, null, null, args.len() as Size, args.as_ptr().cast(), 0));
        if object.is_null() {
            return Err(Error::Interp);
        }
        Ok(Obj::from_raw(oo!(tcl_GetObjectName(interp.as_ptr(), object))))
    }
}

/// A class: its full name, its constructor and its methods.
pub struct Class<R: Row> {
    /// Full name, such as `::names::class`.
    pub name: &'static str,
    /// Row of the constructor.
    pub constructor: R,
    /// The methods, in tables that several classes may share.
    pub methods: &'static [&'static [R]],
}

struct MethodType(sys::Tcl_MethodType);
// SAFETY: constant data.
unsafe impl Sync for MethodType {}
// SAFETY: constant data.
unsafe impl Send for MethodType {}

fn method_type(call: sys::Tcl_MethodCallProc) -> *const sys::Tcl_MethodType {
    let table = MethodType(sys::Tcl_MethodType {
        version: sys::METHOD_VERSION,
        name: c"native method".as_ptr(),
        callProc: call,
        deleteProc: None,
        cloneProc: None,
    });
    // One small table for each class and interpreter, needed as long as the class is: never freed.
    &Box::leak(Box::new(table)).0
}

/// Makes the class in an interpreter.
pub fn define<R: Row>(interp: Interp, class: &'static Class<R>) -> Result<()> {
    let words = [Obj::text(class.name), Obj::text("#")];
    let full = CString::new(class.name).unwrap_or_default();
    // SAFETY: all pointers are live over the calls; rows are 'static; the class handle stays valid while the class exists.
    unsafe {
        let meta = oo!(tcl_GetObjectFromObj(interp.as_ptr(), Obj::text("::oo::class").as_ptr()));
        if meta.is_null() {
            return Err(Error::Interp);
        }
        let meta = oo!(tcl_GetObjectAsClass(meta));
        let object =
            oo!(tcl_NewObjectInstance(interp.as_ptr(), meta, full.as_ptr(), std::ptr::null(), 2, words.as_ptr().cast(), 1));
        if object.is_null() {
            return Err(Error::Interp);
        }
        let handle = oo!(tcl_GetObjectAsClass(object));
        let kind = method_type(Some(dispatch::<R>));
        let new_method = |name: *mut sys::Tcl_Obj, kind, row: *const R| {
            oo!(tcl_NewMethod(interp.as_ptr(), handle, name, 1, kind, row.cast_mut().cast()))
        };
        for row in class.methods.iter().copied().flatten() {
            let name = Obj::text(row.name());
            new_method(name.as_ptr(), kind, row);
        }
        let constructor = new_method(std::ptr::null_mut(), kind, &class.constructor);
        oo!(tcl_ClassSetConstructor(interp.as_ptr(), handle, constructor));
        let destructor = new_method(std::ptr::null_mut(), method_type(Some(destruct)), std::ptr::null());
        oo!(tcl_ClassSetDestructor(interp.as_ptr(), handle, destructor));
    }
    Ok(())
}

/// Makes a command `<namespace>::<row name>`.
pub fn command<R: Row>(interp: Interp, namespace: &str, row: &'static R) {
    let name = CString::new(format!("{namespace}::{}", row.name())).unwrap_or_default();
    let data: *const R = row;
    // SAFETY: the row is 'static; nothing is to be done when the command goes.
    unsafe { stub!(tcl_CreateObjCommand(interp.as_ptr(), name.as_ptr(), Some(run_command::<R>), data.cast_mut().cast(), None)) };
}

fn finish(interp: Interp, outcome: Result<Reply>) -> Code {
    match outcome {
        Ok(Reply::Value(value)) => {
            interp.set_result(&value);
            sys::OK
        }
        Ok(Reply::Empty) => {
            interp.reset_result();
            sys::OK
        }
        Ok(Reply::Code(code)) => code,
        Err(error) => interp.raise(&error),
    }
}

unsafe fn words_of<'a>(objc: c_int, objv: *const *mut sys::Tcl_Obj) -> &'a [Obj] {
    if objc == 0 {
        // A C program may make an object without words, and then passes no array.
        return &[];
    }
    // SAFETY: `Obj` is a transparent pointer; Tcl keeps the words over the call.
    unsafe { slice::from_raw_parts(objv.cast::<Obj>(), objc as usize) }
}

fn panicked(interp: Interp, text: String) -> Code {
    interp.raise(&Trouble::Panic(text).into())
}

unsafe extern "C" fn dispatch<R: Row>(
    data: *mut c_void,
    interp: *mut sys::Tcl_Interp,
    context: sys::Tcl_ObjectContext,
    objc: c_int,
    objv: *const *mut sys::Tcl_Obj,
) -> c_int {
    // SAFETY: Tcl hands over a live interpreter, words and context, and the row given to Tcl_NewMethod.
    unsafe {
        let interp = Interp::from_raw(interp);
        let row = &*data.cast::<R>();
        let skip = oo!(tcl_ObjectContextSkippedArgs(context)) as usize;
        let call = Call { interp, words: words_of(objc, objv), skip, context };
        super::trampoline::caught(|| finish(interp, row.run(&call))).unwrap_or_else(|text| panicked(interp, text))
    }
}

unsafe extern "C" fn run_command<R: Row>(
    data: *mut c_void,
    interp: *mut sys::Tcl_Interp,
    objc: c_int,
    objv: *const *mut sys::Tcl_Obj,
) -> c_int {
    // SAFETY: as in `dispatch`; the row was given to Tcl_CreateObjCommand.
    unsafe {
        let interp = Interp::from_raw(interp);
        let row = &*data.cast::<R>();
        let call = Call { interp, words: words_of(objc, objv), skip: 1, context: std::ptr::null_mut() };
        super::trampoline::caught(|| finish(interp, row.run(&call))).unwrap_or_else(|text| panicked(interp, text))
    }
}

unsafe extern "C" fn destruct(
    _data: *mut c_void,
    _interp: *mut sys::Tcl_Interp,
    context: sys::Tcl_ObjectContext,
    _objc: c_int,
    _objv: *const *mut sys::Tcl_Obj,
) -> c_int {
    guarded((), || {
        // SAFETY: the context is live; what is stored under our type is a `Holder`.
        let instance = unsafe {
            let object = oo!(tcl_ObjectContextObject(context));
            let data = oo!(tcl_ObjectGetMetadata(object, metadata_type()));
            data.cast::<Holder>().as_ref().map(|holder| Rc::clone(&holder.instance))
        };
        if let Some(instance) = instance {
            instance.close();
        }
    });
    sys::OK
}
