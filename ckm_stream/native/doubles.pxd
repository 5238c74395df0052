# Exact sums as the nearest doubles, inlined where they are used.

from cpython.long cimport PyLong_AsDouble
from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memcpy

cdef extern from "Python.h":
    PyObject* PyList_GET_ITEM(object values, Py_ssize_t place)  # borrowed

cdef extern from *:
    """
    /* The digits of an int where Cython knows their place in this interpreter; else none. */
    #if CYTHON_USE_PYLONG_INTERNALS && PyLong_SHIFT == 30
        #define CKM_DIGITS(x) __Pyx_PyLong_Digits(x)
        #define CKM_DIGIT_COUNT(x) __Pyx_PyLong_DigitCount(x)
        #define CKM_IS_NEGATIVE(x) __Pyx_PyLong_IsNeg(x)
    #else
        #define CKM_DIGITS(x) ((const uint32_t*)0)
        #define CKM_DIGIT_COUNT(x) 0
        #define CKM_IS_NEGATIVE(x) 0
    #endif
    """
    const uint32_t* CKM_DIGITS(PyObject*) noexcept
    Py_ssize_t CKM_DIGIT_COUNT(PyObject*) noexcept
    bint CKM_IS_NEGATIVE(PyObject*) noexcept

cdef extern from *:
    int leading_zeros "__builtin_clzll" (uint64_t) noexcept nogil

cdef enum:
    DIGIT_BITS = 30
    # Of ints with so many digits: fewer are no faster than by PyLong_AsDouble, more may overflow.
    LEAST_DIGITS = 3
    MOST_DIGITS = 34


cdef inline double as_double(PyObject* number) except? -1.0:
    # PyLong_AsDouble, in a fifth of its time: to the nearest double, in doubt to the even one.
    cdef Py_ssize_t count = CKM_DIGIT_COUNT(number)
    cdef Py_ssize_t place = count - 3
    cdef const uint32_t* digits = CKM_DIGITS(number)
    cdef uint64_t top, power
    cdef uint32_t rest
    cdef int more
    cdef double scale, value
    if count < LEAST_DIGITS or count > MOST_DIGITS:
        return PyLong_AsDouble(<object>number)
    top = <uint64_t>digits[count - 1] << DIGIT_BITS | digits[count - 2]
    more = leading_zeros(top) - 1  # to the 63 bits of a positive int64_t, if a digit has them
    if more > DIGIT_BITS:
        more = DIGIT_BITS
    top = top << more | digits[place] >> (DIGIT_BITS - more)
    # Whatever is left is below the last bit but one that counts: one bit stands for all of it.
    rest = digits[place] & ((<uint32_t>1 << (DIGIT_BITS - more)) - 1)
    power = DIGIT_BITS * place + DIGIT_BITS - more
    while rest == 0 and place > 0:
        place -= 1
        rest = digits[place]
    if rest:
        top |= 1
    power = (1023 + power) << 52  # 2^power, as it is in memory
    memcpy(&scale, &power, 8)
    value = <double><int64_t>top * scale
    return -value if CKM_IS_NEGATIVE(number) else value


cdef inline double number(list sums, int slot) except? -1.0:
    # A sum as the nearest double, which is what an integer times a float takes; 0 without one.
    cdef PyObject* total = PyList_GET_ITEM(sums, slot)
    if total is <PyObject*>None:
        return 0.0
    return as_double(total)
