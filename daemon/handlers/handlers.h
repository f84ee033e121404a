/// The verbs of the API, one function and one file each. All run on the loop thread and do not block: what
/// may block goes on as a job, which answers.
#pragma once

#include "daemon/http/router.h"
#include "daemon/http/server.h"

namespace spawnd::daemon {

struct DaemonState;

void CreateDataImage(DaemonState& state, const http::Request& request, const http::Reply& reply);
void CreateDataContainer(DaemonState& state, const http::Request& request, const http::Reply& reply);
void GetDataImages(DaemonState& state, const http::Request& request, const http::Reply& reply);
void GetDataImage(DaemonState& state, const http::Request& request, const http::Reply& reply);
void GetDataContainers(DaemonState& state, const http::Request& request, const http::Reply& reply);
void GetDataContainer(DaemonState& state, const http::Request& request, const http::Reply& reply);
void GetDataImageLog(DaemonState& state, const http::Request& request, const http::Reply& reply);
void GetDataContainerLog(DaemonState& state, const http::Request& request, const http::Reply& reply);
void DeleteDataImage(DaemonState& state, const http::Request& request, const http::Reply& reply);
void DeleteDataContainer(DaemonState& state, const http::Request& request, const http::Reply& reply);
void SaveDataContainer(DaemonState& state, const http::Request& request, const http::Reply& reply);
void ResetDataContainer(DaemonState& state, const http::Request& request, const http::Reply& reply);
void LoadDataContainer(DaemonState& state, const http::Request& request, const http::Reply& reply);
void GraduateDataContainer(DaemonState& state, const http::Request& request, const http::Reply& reply);
void UpdateDataImage(DaemonState& state, const http::Request& request, const http::Reply& reply);
void UpdateDataContainer(DaemonState& state, const http::Request& request, const http::Reply& reply);
void CreateAccessToken(DaemonState& state, const http::Request& request, const http::Reply& reply);
void GetAccessTokens(DaemonState& state, const http::Request& request, const http::Reply& reply);
void GetAccessToken(DaemonState& state, const http::Request& request, const http::Reply& reply);
void DeleteAccessToken(DaemonState& state, const http::Request& request, const http::Reply& reply);
void GetEngines(DaemonState& state, const http::Request& request, const http::Reply& reply);
void GetVersion(DaemonState& state, const http::Request& request, const http::Reply& reply);
void GetWhoAmI(DaemonState& state, const http::Request& request, const http::Reply& reply);

/// Which path leads to which of these; `state` must outlive the router.
http::Router MakeRouter(DaemonState& state);

/// Answers with an error, in the form of docs/openapi.yaml.
void SendError(const http::Reply& reply, const Error& error);
/// kInvalidArgument for a team name that is empty or too long.
Result<void> CheckTeam(const std::string& team);
/// 200 with a JSON body.
void SendJson(const http::Reply& reply, std::string json);
/// 200 with a stream of one line, the result.
void SendResult(const http::Reply& reply, std::string_view json);

}  // namespace spawnd::daemon
