#include "api/error_codes.h"

namespace spawnd::api {

int HttpStatus(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return 400;
    case ErrorCode::kUnauthenticated:
      return 401;
    case ErrorCode::kForbidden:
      return 403;
    case ErrorCode::kNotFound:
      return 404;
    case ErrorCode::kAlreadyExists:
    case ErrorCode::kInUse:
      return 409;
    case ErrorCode::kTooMany:
      return 429;
    case ErrorCode::kUnsupported:
      return 501;
    case ErrorCode::kNotReady:
    case ErrorCode::kUnavailable:
    case ErrorCode::kCancelled:  // only a daemon that is stopping cancels work whose caller still listens
      return 503;
    case ErrorCode::kTimeout:
      return 504;
    case ErrorCode::kNoSpace:
      return 507;
    case ErrorCode::kIo:
    case ErrorCode::kCorrupt:
    case ErrorCode::kPoisoned:
    case ErrorCode::kInternal:
      return 500;
  }
  return 500;
}

int ExitCode(ErrorCode code) {
  switch (code) {
    case ErrorCode::kNotFound:
      return 2;
    case ErrorCode::kNoSpace:
      return 5;
    case ErrorCode::kUnauthenticated:
      return 7;
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kUnsupported:  // an engine or version in the caller's input that is not installed here
      return 64;
    case ErrorCode::kUnavailable:
      return 69;
    case ErrorCode::kNotReady:
    case ErrorCode::kTooMany:
      return 75;
    case ErrorCode::kAlreadyExists:
    case ErrorCode::kInUse:
    case ErrorCode::kForbidden:
    case ErrorCode::kIo:
    case ErrorCode::kCorrupt:
    case ErrorCode::kPoisoned:
    case ErrorCode::kTimeout:
    case ErrorCode::kCancelled:
    case ErrorCode::kInternal:
      return 1;
  }
  return 1;
}

}  // namespace spawnd::api
