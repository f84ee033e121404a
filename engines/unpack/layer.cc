#include "engines/unpack/layer.h"

#include <algorithm>
#include <cstring>

#include "engines/unpack/codecs.h"

namespace spawnd::engines {

Result<std::unique_ptr<Layer>> Layer::Make(std::string name, Codec codec, ByteSource& below,
                                           const UnpackLimit& limit) {
  TRY_ASSIGN(auto unpacker, MakeUnpacker(codec));
  return Make(std::move(name), codec, below, limit, std::move(unpacker));
}

std::unique_ptr<Layer> Layer::Make(std::string name, Codec codec, ByteSource& below, const UnpackLimit& limit,
                                   std::unique_ptr<Unpacker> unpacker) {
  std::unique_ptr<Layer> layer(new Layer(std::move(name), codec, below, limit));
  layer->unpacker_ = std::move(unpacker);
  return layer;
}

Result<size_t> Layer::Read(char* out, size_t size) {
  while (true) {
    if (!in_member_) {
      TRY_ASSIGN(in_member_, BeginMember());
      if (!in_member_) return size_t{0};
    }
    const auto step = unpacker_->Next(Buffered(), out, size);
    if (!step) return Fail(Explain(step.error()));
    Take(step->taken);
    in_member_ = !step->ended;
    made_ += step->made;
    if (made_ > limit_.bytes) {
      return Fail(ErrorCode::kInvalidArgument, "'" + name_ + "' unpacks to more than " + limit_.what,
                  limit_.hint);
    }
    if (step->made > 0) return step->made;
    if (step->taken > 0 || step->ended) continue;
    TRY_ASSIGN(const bool more, Refill());
    if (more) continue;
    if (Buffered().empty() && unpacker_->MayEnd()) return size_t{0};
    return Fail(ErrorCode::kInvalidArgument,
                "'" + name_ + "' is truncated: its " + std::string(NameOf(codec_)) +
                    " data ends early, at byte " + std::to_string(position_ + Buffered().size()),
                "Copy or make the backup again; `" + std::string(CheckerOf(codec_)) + "` checks a file.");
  }
}

void Layer::Take(size_t bytes) {
  at_ += bytes;
  position_ += bytes;
}

Result<bool> Layer::Refill() {
  if (below_ended_) return false;
  std::memmove(buffer_.data(), buffer_.data() + at_, end_ - at_);
  end_ -= at_;
  at_ = 0;
  // No format needs so much at once.
  if (end_ == buffer_.size()) return Fail(Damaged("it makes no sense"));
  TRY_ASSIGN(const size_t count, below_.Read(buffer_.data() + end_, buffer_.size() - end_));
  end_ += count;
  below_ended_ = count == 0;
  return !below_ended_;
}

Result<bool> Layer::BeginMember() {
  while (true) {
    while (Buffered().size() < kBeginBytes && !below_ended_) TRY(Refill());
    if (Buffered().empty()) return false;
    if (position_ == 0 || Buffered().front() != '\0') break;
    padding_ = true;
    Take(std::min(Buffered().size(), Buffered().find_first_not_of('\0')));
  }
  if (padding_ || !unpacker_->Begins(Buffered())) {
    return Fail(ErrorCode::kInvalidArgument,
                "'" + name_ + "' has other bytes after its " + std::string(NameOf(codec_)) +
                    " data, which ends at byte " + std::to_string(position_),
                "Copy or make the backup again; `" + std::string(CheckerOf(codec_)) + "` checks a file.");
  }
  TRY(unpacker_->Begin());
  return true;
}

Error Layer::Explain(const Error& error) const {
  if (error.hint.empty()) return Damaged(error.message);
  return {error.code, "'" + name_ + "' " + error.message, error.hint};
}

Error Layer::Damaged(const std::string& why) const {
  return {ErrorCode::kInvalidArgument,
          "'" + name_ + "' is damaged: its " + std::string(NameOf(codec_)) + " data has an error near byte " +
              std::to_string(position_) + ": " + why,
          "Copy or make the backup again; `" + std::string(CheckerOf(codec_)) + "` checks a file."};
}

}  // namespace spawnd::engines
