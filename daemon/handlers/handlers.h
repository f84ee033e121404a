/// The verbs of the API, in files by what they do. All run on the loop thread and do not block: what may
/// block goes on as a job, which answers.
#pragma once

#include "daemon/http/message.h"
#include "daemon/http/router.h"

namespace spawnd::daemon {

struct Services;

void CreateDataImage(Services& services, const http::Request& request, const http::Reply& reply);
void CreateDataContainer(Services& services, const http::Request& request, const http::Reply& reply);
void GetDataImages(Services& services, const http::Request& request, const http::Reply& reply);
void GetDataImage(Services& services, const http::Request& request, const http::Reply& reply);
void GetDataContainers(Services& services, const http::Request& request, const http::Reply& reply);
void GetDataContainer(Services& services, const http::Request& request, const http::Reply& reply);
void GetPool(Services& services, const http::Request& request, const http::Reply& reply);
void GetDataImageLog(Services& services, const http::Request& request, const http::Reply& reply);
void GetEvents(Services& services, const http::Request& request, const http::Reply& reply);
void GetDataContainerLog(Services& services, const http::Request& request, const http::Reply& reply);
void DeleteDataImage(Services& services, const http::Request& request, const http::Reply& reply);
void DeleteDataContainer(Services& services, const http::Request& request, const http::Reply& reply);
void SaveDataContainer(Services& services, const http::Request& request, const http::Reply& reply);
void ResetDataContainer(Services& services, const http::Request& request, const http::Reply& reply);
void LoadDataContainer(Services& services, const http::Request& request, const http::Reply& reply);
void StartDataContainer(Services& services, const http::Request& request, const http::Reply& reply);
void StopDataContainer(Services& services, const http::Request& request, const http::Reply& reply);
void RestartDataContainer(Services& services, const http::Request& request, const http::Reply& reply);
void GraduateDataContainer(Services& services, const http::Request& request, const http::Reply& reply);
void UpdateDataImage(Services& services, const http::Request& request, const http::Reply& reply);
void UpdateDataContainer(Services& services, const http::Request& request, const http::Reply& reply);
void CreateAccessToken(Services& services, const http::Request& request, const http::Reply& reply);
void GetAccessTokens(Services& services, const http::Request& request, const http::Reply& reply);
void GetAccessToken(Services& services, const http::Request& request, const http::Reply& reply);
void DeleteAccessToken(Services& services, const http::Request& request, const http::Reply& reply);
void CreateDataSource(Services& services, const http::Request& request, const http::Reply& reply);
void GetDataSources(Services& services, const http::Request& request, const http::Reply& reply);
void GetDataSource(Services& services, const http::Request& request, const http::Reply& reply);
void GetDataSourceLog(Services& services, const http::Request& request, const http::Reply& reply);
void UpdateDataSource(Services& services, const http::Request& request, const http::Reply& reply);
void RunDataSource(Services& services, const http::Request& request, const http::Reply& reply);
void DeleteDataSource(Services& services, const http::Request& request, const http::Reply& reply);
void ExportDataImage(Services& services, const http::Request& request, const http::Reply& reply);
void BeginImport(Services& services, const http::Request& request, const http::Reply& reply);
void ReceiveImport(Services& services, const http::Request& request, const http::Reply& reply);
void ImportDataImage(Services& services, const http::Request& request, const http::Reply& reply);
void CreateFetchPlan(Services& services, const http::Request& request, const http::Reply& reply);
void CreateUpload(Services& services, const http::Request& request, const http::Reply& reply);
void GetDoctor(Services& services, const http::Request& request, const http::Reply& reply);
void GetEngines(Services& services, const http::Request& request, const http::Reply& reply);
void GetCa(Services& services, const http::Request& request, const http::Reply& reply);
void GetMetrics(Services& services, const http::Request& request, const http::Reply& reply);
void GetVersion(Services& services, const http::Request& request, const http::Reply& reply);
void GetWhoAmI(Services& services, const http::Request& request, const http::Reply& reply);

/// Makes the table from paths to these verbs. `services` must outlive the router.
http::Router MakeRouter(Services& services);

/// Of the requests whose bodies may be of any size (http::Limits::is_streamed).
bool HasStreamedBody(const http::Request& head);
bool IsImportBody(const http::Request& head);  ///< one of them

}  // namespace spawnd::daemon
